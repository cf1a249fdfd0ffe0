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

// A display shows a line that changes, until stop is called.
type display struct {
	console *console
	line    func() string
	ended   chan struct{}
	done    sync.WaitGroup
}

// display shows what line returns: always anew on a terminal, now and then
// elsewhere, and never where --quiet is.
func (a *app) display(line func() string) *display {
	d := &display{console: a.console, line: line, ended: make(chan struct{})}
	every := lineEvery
	switch {
	case a.global.Quiet:
		return d
	case a.console.terminal:
		every = redrawEvery
	}
	d.done.Go(func() { d.draw(every) })
	return d
}

// stop takes the line away.
func (d *display) stop() {
	close(d.ended)
	d.done.Wait()
	d.console.show("")
}

func (d *display) draw(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-d.ended:
			return
		case <-ticker.C:
		}
		if d.console.terminal {
			d.console.show(d.line())
		} else {
			fmt.Fprintln(d.console, d.line())
		}
	}
}

// A progress shows where a run is.
type progress struct {
	*display

	began time.Time

	mu      sync.Mutex
	told    bool
	now     subscribe.Progress
	at      time.Time // when now was told
	first   int64     // records at the first time: earlier ones are a resumed run's
	started time.Time // when that was
}

// watch shows the progress of one subscription until stop is called.
func (a *app) watch(name string) *progress {
	p := &progress{began: time.Now()}
	p.now.Subscription = name
	p.display = a.display(p.String)
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
