package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"intercom-connector/internal/subscribe"
)

const (
	redrawEvery = 200 * time.Millisecond // the line of a terminal
	lineEvery   = 10 * time.Second       // where there is none
	// quietFor is how long no page may come before it is said why.
	quietFor = 2 * time.Second
)

// A progress shows where a run is.
type progress struct {
	console *console
	began   time.Time
	ended   chan struct{}
	done    sync.WaitGroup

	mu      sync.Mutex
	told    bool
	now     subscribe.Progress
	at      time.Time // when now was told
	first   int64     // records at the first time: earlier ones are a resumed run's
	started time.Time // when that was
}

// watch shows the progress of one subscription until stop is called.
func (a *app) watch(name string) *progress {
	p := &progress{console: a.console, began: time.Now(), ended: make(chan struct{})}
	p.now.Subscription = name
	every := lineEvery
	switch {
	case a.global.Quiet:
		return p
	case a.console.terminal:
		every = redrawEvery
	}
	p.done.Go(func() { p.draw(every) })
	return p
}

// update takes the latest numbers.
func (p *progress) update(now subscribe.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now, p.at = now, time.Now()
	if !p.told {
		p.told, p.first, p.started = true, now.Records, p.at
	}
}

// stop takes the progress away.
func (p *progress) stop() {
	close(p.ended)
	p.done.Wait()
	p.console.show("")
}

func (p *progress) draw(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-ticker.C:
		}
		if p.console.terminal {
			p.console.show(p.String())
		} else {
			fmt.Fprintln(p.console, p.String())
		}
	}
}

// String is the line that is shown.
func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now
	if !p.told {
		return fmt.Sprintf("%s: asking Intercom, %s", now.Subscription, lasting(time.Since(p.began)))
	}
	parts := []string{now.Subscription + ": " + now.Phase}
	records := number(now.Records)
	if now.Expected >= now.Records && now.Expected > 0 {
		records += " of " + number(now.Expected)
	}
	parts = append(parts, records+" records")
	rate := p.rate()
	if rate > 0 {
		parts = append(parts, number(int64(rate))+"/s")
	}
	parts = append(parts, count(now.Requests, "request"))
	if now.Limit >= 0 {
		parts = append(parts, fmt.Sprintf("limit %s of %s left", number(now.Remaining), number(now.Limit)))
	}
	if now.Slices > 1 {
		parts = append(parts, fmt.Sprintf("%d of %d slices open", now.Open, now.Slices))
	}
	if left := now.Expected - now.Records; left > 0 && rate > 0 {
		parts = append(parts, lasting(time.Duration(float64(left)/rate*float64(time.Second)))+" to go")
	}
	switch silent := time.Since(p.at); {
	case now.Waiting, silent > quietFor && now.Remaining == 0:
		parts = append(parts, "waiting for the rate limit")
	case silent > quietFor:
		parts = append(parts, "waiting for Intercom since "+lasting(silent))
	}
	return strings.Join(parts, " · ")
}

// rate is records a second since this process began to read.
func (p *progress) rate() float64 {
	elapsed := p.at.Sub(p.started).Seconds()
	if elapsed < 0.5 {
		return 0
	}
	return float64(p.now.Records-p.first) / elapsed
}
