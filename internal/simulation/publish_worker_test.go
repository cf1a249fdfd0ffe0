package simulation_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/publish"
	"intercom-connector/shared/intercom"
)

// always is a context for what happens by itself.
var always = context.Background()

// A worker is a process that publishes: on a queue, batch after batch, as a
// function's instance does, or a file, as a laptop does.
type worker struct {
	process

	w       *office
	o       *order
	pub     *publish.Publisher
	held    []held
	batch   int
	since   time.Time // when it got its batch
	opens   time.Time // when nothing it was told keeps it from sending
	flights []*flight

	results   sync.Mutex
	unwritten []settlement // of a file, not yet on disk
	failed    error        // of a stream
}

// start begins a worker.
func (w *office) start(o *order) {
	if w.plan.stream && !slices.ContainsFunc(o.parcels, func(p *parcel) bool { return len(p.settled) == 0 }) {
		return
	}
	ctx, cancel := context.WithCancel(always)
	k := &worker{w: w, o: o}
	k.number, k.began, k.cancel = len(w.workers)+1, time.Now(), cancel
	w.workers = append(w.workers, k)
	w.running = append(w.running, k)
	w.note(k.number, "start", o.name)
	random := timely(w.seed ^ uint64(k.number)<<32)
	api, err := intercom.New(intercom.Config{
		Token: intercom.StaticToken("secret"), Transport: wire{k}, Timeout: 24 * time.Hour, // see wire
		Governor: intercom.NewGovernor(intercom.GovernorConfig{Jitter: random}),
	})
	if err != nil {
		panic(err)
	}
	owner := "worker " + strconv.Itoa(k.number)
	if w.plan.stream {
		owner = "laptop"
	}
	k.pub, err = publish.New(publish.Config{
		Publisher: o.cfg, Client: &config.Client{Name: "main"}, API: api, Workspace: "fake1234",
		Store: ledger{k}, Responses: answers{k}, DeadLetters: letterbox{k}, Owner: owner, Random: random,
	})
	if err != nil {
		panic(err)
	}
	go func() {
		if w.plan.stream {
			k.failed = k.file(ctx)
		} else {
			k.serve(ctx)
		}
		cancel()
		w.end(&k.process)
	}()
}

// timely returns numbers that depend on the moment alone, because it is not
// known which of two goroutines asks first that wake up at the same one.
func timely(seed uint64) func() float64 {
	return func() float64 {
		f := fnv.New64a()
		fmt.Fprint(f, seed, time.Now().UnixNano())
		return float64(f.Sum64()>>11) / (1 << 53)
	}
}

// serve takes batch after batch until it dies.
func (k *worker) serve(ctx context.Context) {
	for {
		err := k.w.ask(ctx, &k.process, "receive", k.o.name, func() time.Duration {
			if k.held = k.o.receive(); len(k.held) == 0 {
				return k.w.between(time.Second, 20*time.Second)
			}
			k.batch++
			k.since = time.Now()
			k.w.note(k.number, "receive", strconv.Itoa(len(k.held)))
			return done
		})
		if err != nil {
			return
		}
		k.flights = nil
		batch, cancel := context.WithTimeout(ctx, k.w.plan.deadline)
		results := k.publish(batch, deliveries(k.held))
		cancel()
		err = k.w.ask(ctx, &k.process, "ack", k.o.name, func() time.Duration {
			if k.overtime() {
				k.doubt()
			}
			k.w.deed(k, func() {
				for i, r := range results {
					k.w.note(k.number, "ack", fmt.Sprintf("%s %s %s %d requests after %v", k.held[i].id, r.Outcome, r.Reason, r.Requests, r.After))
				}
				k.o.acknowledge(k, results)
			})
			return done
		})
		if err != nil {
			return
		}
	}
}

// publish publishes a batch. A request that is not claimed goes to the Governor
// first, and it is not known which of several goroutines comes there before the
// others: so their groups begin one after the other.
func (k *worker) publish(ctx context.Context, all []publish.Delivery) []publish.Result {
	if k.o.remembered {
		return k.pub.Batch(ctx, all)
	}
	groups := map[string][]int{}
	for i, d := range all {
		name := d.Group
		if name == "" {
			name = strconv.Itoa(i)
		}
		groups[name] = append(groups[name], i)
	}
	results := make([]publish.Result, len(all))
	var wait sync.WaitGroup
	for name, members := range groups {
		wait.Go(func() {
			var part []publish.Delivery
			for _, i := range members {
				part = append(part, all[i])
			}
			ctx := context.WithValue(ctx, groupName{}, name)
			_ = k.w.ask(ctx, &k.process, "begin", name, func() time.Duration { return done }) // Batch finds out, too
			for j, r := range k.pub.Batch(ctx, part) {
				results[members[j]] = r
			}
		})
	}
	wait.Wait()
	return results
}

// groupName is the key under which a context says whose it is: of calls that
// are equal, it is else not known which came first.
type groupName struct{}

// of is what a trace shows of whose call it is.
func of(ctx context.Context) string {
	if name, ok := ctx.Value(groupName{}).(string); ok {
		return " of " + name
	}
	return ""
}

// file publishes what is left of a file, line by line.
func (k *worker) file(ctx context.Context) error {
	left := slices.DeleteFunc(slices.Clone(k.o.parcels), func(p *parcel) bool { return len(p.settled) > 0 })
	k.since = time.Now()
	lines := func(yield func(publish.Delivery, error) bool) {
		for _, p := range left {
			err := k.w.ask(ctx, &k.process, "line", p.id+p.marker, func() time.Duration { return done })
			if err != nil {
				yield(publish.Delivery{}, err)
				return
			}
			if !yield(p.delivery(0), nil) {
				return
			}
		}
	}
	err := k.pub.Stream(ctx, lines, func(r publish.Result, d publish.Delivery) error {
		if r.Outcome == publish.Paused {
			return nil
		}
		for _, p := range left {
			if p.id == d.ID && string(p.body) == string(d.Body) {
				k.results.Lock()
				k.unwritten = append(k.unwritten, settlement{parcel: p, Result: r})
				k.results.Unlock()
			}
		}
		return nil
	})
	if asked := k.w.ask(ctx, &k.process, "close", k.o.name, func() time.Duration { return done }); asked != nil {
		return errors.Join(err, asked)
	}
	return err
}

// write makes what a file's worker knows safe. Between its results and this it
// may die.
func (k *worker) write() {
	k.results.Lock()
	unwritten := k.unwritten
	k.unwritten = nil
	k.results.Unlock()
	for _, s := range unwritten {
		s.settle(k, s.Result)
	}
}

// doubt marks what a worker has in hand: nobody can be sure of it any more.
func (k *worker) doubt() {
	for _, h := range k.held {
		h.doubted = true
	}
	if k.w.plan.stream {
		for _, p := range k.o.parcels {
			p.doubted = true
		}
	}
}

// kill ends a worker as SIGKILL does. What it has sent may still arrive.
func (w *office) kill(k *worker, why string) {
	w.note(k.number, "dies", why)
	w.stats.crashes++
	k.doubt()
	slices.SortFunc(k.flights, func(a, b *flight) int { return cmp.Compare(a.name(), b.name()) })
	for _, f := range k.flights {
		if !f.landed && k.o.remembered && w.chance(0.5) {
			w.in(w.between(0, w.plan.timeout), func() { w.straggle(f, "orphan") })
		}
	}
	k.flights = nil
	w.bury(&k.process)
	k.cancel()
	w.in(w.between(time.Second, 3*time.Minute), func() { w.start(k.o) })
}

// deed does something for a worker who may die right before or right after it.
func (w *office) deed(k *worker, do func()) {
	if w.chance(w.plan.crash / 2) {
		w.kill(k, "before")
		return
	}
	k.write()
	do()
	if w.chance(w.plan.crash / 2) {
		w.kill(k, "after")
	}
}

// ended takes note of a worker that has come to its end.
func (w *office) ended(p *process) {
	k := w.workers[p.number-1]
	w.running = slices.DeleteFunc(w.running, func(other *worker) bool { return other == k })
	if k.dead {
		w.note(k.number, "buried", "")
		return
	}
	w.note(k.number, "end", fmt.Sprint(k.failed))
	k.write()
	if k.failed != nil && w.plan.gentle {
		w.fault("a file ended with %v although nothing went wrong", k.failed)
	}
	w.in(w.between(time.Second, 5*time.Minute), func() { w.start(k.o) })
}
