package simulation_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom/intercomtest"
)

// A wire is the way of a worker to the workspace. A request travels, changes the
// workspace, and its answer travels.
type wire struct{ k *worker }

// A flight is a request that has not arrived yet.
type flight struct {
	k     *worker
	r     *http.Request
	body  []byte
	batch int

	landed bool // arrived, or its worker has given it up
}

// RoundTrip implements http.RoundTripper.
func (t wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	k, w := t.k, t.k.w
	f := &flight{k: k, r: r, body: body, batch: k.batch}
	var (
		resp   *http.Response
		failed error
		served bool
	)
	detail := f.name() + of(r.Context())
	k.results.Lock()
	k.flights = append(k.flights, f)
	k.results.Unlock()
	err := w.ask(r.Context(), &k.process, "http", detail, func() time.Duration {
		if served {
			w.deed(k, func() { k.putOff(resp) })
			return done
		}
		served, f.landed = true, true
		way := done
		w.deed(k, func() { resp, way, failed = w.serve(f) }) //nolint:bodyclose // whoever gets it does.
		return way
	})
	f.landed = true
	if err != nil {
		return nil, err
	}
	return resp, failed
}

// putOff makes every 429 of a worker end a little later than the one before. All
// that wait for the same moment would wake up at once, and nobody could know
// which of them is the first.
func (k *worker) putOff(resp *http.Response) {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests {
		return
	}
	wait := max(time.Until(k.opens).Truncate(time.Second)+time.Second, time.Second)
	resp.Header.Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	date, err := http.ParseTime(resp.Header.Get("Date"))
	reset, bad := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err == nil && bad == nil {
		wait = max(wait, time.Unix(reset, 0).Sub(date))
	}
	const jitter = time.Second // more than the Governor adds
	k.opens = time.Now().Add(wait + jitter)
}

// serve takes a request to the workspace, with what may go wrong on the way, and
// says how long its answer takes.
func (w *office) serve(f *flight) (*http.Response, time.Duration, error) {
	w.stats.requests++
	w.judgeSending(f)
	way := w.between(w.plan.latency/10, w.plan.latency)
	if !w.chance(w.plan.mishaps) {
		resp, err := w.arrive(f, nil, "")
		return resp, way, err
	}
	fault, name := w.mishap(f.reads())
	switch name {
	case "limited":
		w.ws.LimitNext(w.between(time.Second, 20*time.Second))
	case "refused":
		w.note(f.k.number, "refused", f.name())
		return nil, way, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	case "late":
		f.doubt()
		if !f.reads() && f.k.o.remembered {
			// A gateway has given up, but what it passed on is still on its way.
			w.in(w.between(0, longestWay), func() { w.straggle(f, "late") })
			return nil, w.plan.timeout, timeoutError{}
		}
		way = w.plan.timeout
	default:
		f.doubt()
	}
	resp, err := w.arrive(f, fault, name)
	if way >= w.plan.timeout {
		// As in the reading side, the hand ends the wait, and no timer.
		return nil, w.plan.timeout, timeoutError{}
	}
	return resp, way, err
}

// longestWay is how long after its time a request may still arrive: less than
// the client and the gateways wait together.
const longestWay = 60 * time.Second

// mishap chooses what goes wrong with a request or its answer.
func (w *office) mishap(reads bool) (*intercomtest.Fault, string) {
	f := &intercomtest.Fault{Times: 1, After: w.chance(0.5)}
	switch w.rng.IntN(9) {
	case 0:
		return nil, "limited"
	case 1:
		return nil, "refused"
	case 2:
		return nil, "late"
	case 3:
		f.Effect = intercomtest.ServerError()
		return f, "500"
	case 4:
		f.Effect = intercomtest.HTML(502)
		return f, "html"
	case 5:
		f.Effect = ofWrites(false, intercomtest.Cut())
		return f, "cut"
	case 6:
		f.Effect = intercomtest.Reset()
		return f, "reset"
	case 7:
		f.Effect = intercomtest.Status(408, "request_timeout", "Request Timeout")
		return f, "408"
	default:
		f.Effect, f.After = ofWrites(reads, intercomtest.Empty()), true
		return f, "empty"
	}
}

// ofWrites spoils the answers to writes that succeeded. Without its text, a
// refusal is one that nobody can do anything about.
func ofWrites(reads bool, effect intercomtest.Effect) intercomtest.Effect {
	return func(a *intercomtest.Answer) {
		if !reads && a.Status < http.StatusMultipleChoices {
			effect(a)
		}
	}
}

// reads reports whether a request changes nothing.
func (f *flight) reads() bool {
	return f.r.Method == http.MethodGet || strings.HasSuffix(f.r.URL.Path, "/search")
}

// name is what a trace shows of a request.
func (f *flight) name() string {
	return f.r.Method + " " + f.r.URL.RequestURI() + " " + string(f.body)
}

var signOf = regexp.MustCompile(`marker:\w+|^/contacts/(\w+)(?:/archive)?$`)

// sign finds in a request what the parcels are known by.
func (f *flight) sign() string {
	if m := signOf.Find(f.body); m != nil {
		return string(m)
	}
	if m := signOf.FindStringSubmatch(f.r.URL.Path); m != nil {
		return m[1]
	}
	return ""
}

// doubt marks those whom a request is for.
func (f *flight) doubt() {
	for _, p := range f.k.w.signs[f.sign()] {
		p.doubted = true
	}
}

// An applied request is one that has changed the workspace.
type applied struct {
	intercomtest.Write

	k     *worker
	batch int
	sign  string
	late  bool // its worker had given it up, or somebody else could have the message
}

// arrive is the moment at which a request reaches the workspace.
func (w *office) arrive(f *flight, fault *intercomtest.Fault, name string) (*http.Response, error) {
	if fault != nil {
		w.ws.Fault(*fault)
	}
	before := w.stats.writes
	r := f.r.Clone(always)
	r.Body = io.NopCloser(bytes.NewReader(f.body))
	resp, err := w.ws.RoundTrip(r)
	w.ws.Heal()
	writes := w.ws.Writes()
	w.stats.writes = len(writes)
	late := name == "late" || name == "orphan" || f.batch != f.k.batch || slices.ContainsFunc(f.k.held, func(h held) bool {
		return h.sign() == f.sign() && h.stale()
	})
	for _, write := range writes[before:] {
		w.applied = append(w.applied, applied{write, f.k, f.batch, f.sign(), late})
	}
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	w.note(f.k.number, "served", fmt.Sprintf("%s: %d %s wrote %d %v", f.name(), status, name, len(writes)-before, err))
	if resp == nil && err == nil {
		err = timeoutError{}
	}
	return resp, err
}

// straggle has a request arrive that nobody waits for any more.
func (w *office) straggle(f *flight, name string) {
	if resp, err := w.arrive(f, nil, name); err == nil {
		_ = resp.Body.Close()
	}
}

// A ledger is the way of a worker to the store that all share.
type ledger struct{ k *worker }

// try does something in the store, unless it fails before or after.
func (s ledger) try(ctx context.Context, kind, detail string, do func() error) (err error) {
	return s.k.try(ctx, kind, detail, do)
}

// try does something for a worker, unless it fails before or after.
func (k *worker) try(ctx context.Context, kind, detail string, do func() error) (err error) {
	w := k.w
	detail += of(ctx)
	asked := w.ask(ctx, &k.process, kind, detail, func() time.Duration {
		w.deed(k, func() {
			switch {
			case w.chance(w.plan.outages / 2):
				err = errInjected
			case w.chance(w.plan.outages / 2):
				err = errInjected
				_ = do() // it has happened, but nobody is told
			default:
				err = do()
			}
			if errors.Is(err, errInjected) {
				k.doubt()
			}
			w.note(k.number, kind, fmt.Sprintf("%s %v", detail, err))
		})
		return done
	})
	return cmp.Or(asked, err)
}

// Get implements state.Store.
func (s ledger) Get(ctx context.Context, key string) (record state.Record, err error) {
	if s.k.w.plan.stream && strings.HasPrefix(key, "paused/") {
		// It is the stream's own loop that asks. While it waits, several things
		// may come about, and it would take them up in any order.
		return s.k.w.store.Get(always, key)
	}
	err = s.try(ctx, "get", key, func() error {
		record, err = s.k.w.store.Get(always, key)
		return err
	})
	if err != nil {
		return state.Record{}, err
	}
	return record, nil
}

// Create implements state.Store.
func (s ledger) Create(ctx context.Context, key string, value []byte, expires time.Time) (rev state.Revision, err error) {
	err = s.try(ctx, "create", key+" "+digest(string(value)), func() error {
		rev, err = s.k.w.store.Create(always, key, value, expires)
		if err == nil && strings.HasPrefix(key, "paused/") {
			s.k.w.paused = time.Now()
		}
		return err
	})
	return rev, err
}

// Save implements state.Store.
func (s ledger) Save(ctx context.Context, key string, value []byte, old state.Revision, expires time.Time) (rev state.Revision, err error) {
	err = s.try(ctx, "save", key+" "+digest(string(value)), func() error {
		rev, err = s.k.w.store.Save(always, key, value, old, expires)
		return err
	})
	return rev, err
}

// Delete implements state.Store.
func (s ledger) Delete(ctx context.Context, key string, rev state.Revision) error {
	return s.try(ctx, "delete", key, func() error { return s.k.w.store.Delete(always, key, rev) })
}

// List implements state.Store. Nobody who publishes lists anything.
func (s ledger) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return s.k.w.store.List(ctx, prefix)
}

// Answers are the way of a worker to where answers are kept.
type answers struct{ k *worker }

// Respond implements publish.Responder.
func (a answers) Respond(ctx context.Context, r publish.Result) error {
	return a.k.try(ctx, "respond", r.ID+" "+digest(string(r.Answer)), func() error {
		a.k.w.judgeAnswer(a.k, &r)
		return nil
	})
}

// A letterbox is the way of a worker to the dead letters.
type letterbox struct{ k *worker }

// Put implements publish.DeadLetters.
func (l letterbox) Put(ctx context.Context, letter publish.DeadLetter) error {
	return l.k.try(ctx, "letter", letter.ID+" "+digest(string(letter.Body))+" "+letter.Reason, func() error {
		l.k.w.judgeLetter(l.k, &letter)
		return nil
	})
}
