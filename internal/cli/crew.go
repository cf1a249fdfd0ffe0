package cli

import (
	"errors"
	"sync"
)

// A crew does things at the same time, a few at once. After the first error it
// begins nothing more.
type crew struct {
	places chan struct{}
	work   sync.WaitGroup

	mu  sync.Mutex
	err error
}

// errCrewFailed stands for the error that wait returns.
var errCrewFailed = errors.New("something else has failed")

func newCrew(size int) *crew { return &crew{places: make(chan struct{}, size)} }

// do begins with something as soon as there is a place, and reports false where
// something has failed.
func (c *crew) do(task func() error) bool {
	c.places <- struct{}{}
	if c.failed() != nil {
		<-c.places
		return false
	}
	c.work.Go(func() {
		defer func() { <-c.places }()
		if err := task(); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.err == nil {
				c.err = err
			}
		}
	})
	return true
}

// wait waits until all is done and returns the first error.
func (c *crew) wait() error {
	c.work.Wait()
	return c.failed()
}

func (c *crew) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
