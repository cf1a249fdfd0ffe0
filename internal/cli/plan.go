package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// planCommand shows the requests that a run would begin with.
type planCommand struct {
	Name  string  `arg:"" help:"A subscription of the configuration."`
	Input input   `placeholder:"JSON" help:"What request_transform sees as .input."`
	Since instant `placeholder:"T" help:"As of run."`
	Until instant `placeholder:"T" help:"As of run."`
	Reset bool    `help:"As of run: as if nothing were remembered."`
}

// A plannedRequest is one request as it would go over the network.
type plannedRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// A refusedRequest is one that the transformer made and that cannot be sent.
type refusedRequest struct {
	Request json.RawMessage `json:"request"`
	Reason  string          `json:"reason"`
}

// A plan is what a run would begin with.
type plan struct {
	Subscription string           `json:"subscription"`
	Requests     []plannedRequest `json:"requests"`
	Refused      []refusedRequest `json:"refused,omitempty"`
	Notes        []string         `json:"notes,omitempty"`
}

// Run implements the command.
func (c *planCommand) Run(ctx context.Context, a *app) error {
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	sub, err := subscription(cfg, c.Name)
	if err != nil {
		return err
	}
	input, err := c.Input.value()
	if err != nil {
		return err
	}
	w, err := parseWindow(c.Since, c.Until, zone(cfg, sub), sub)
	if err != nil {
		return err
	}
	store, _, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	clients := a.clients(cfg, "off")
	clients.offline = true
	engine, put, err := a.rehearsal(clients, sub, store)
	if err != nil {
		return err
	}
	wires, err := engine.Plan(ctx, subscribe.Options{
		Aside: put,
		Input: input, Since: w.since, Until: w.until, Reset: c.Reset,
	})
	if err != nil {
		return err
	}
	me, err := identify(engine.API)
	if err != nil {
		return err
	}
	p := plan{Subscription: sub.Name, Requests: plannedRequests(append([]intercom.Wire{me}, wires...))}
	for _, item := range put.items {
		p.Refused = append(p.Refused, refusedRequest{Request: item.Record, Reason: item.Reason})
	}
	if p.Notes, err = c.notes(ctx, engine, sub, w); err != nil {
		return err
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, p)
	}
	return p.write(a.Stdout)
}

// identify is the request that every run begins with: whose token is it?
func identify(api *intercom.Client) (intercom.Wire, error) {
	op, err := intercom.Find(http.MethodGet, "me", 0)
	if err != nil {
		return intercom.Wire{}, err
	}
	return api.Wire(&intercom.Request{Operation: op})
}

// notes says what the list does not show.
func (c *planCommand) notes(ctx context.Context, engine *subscribe.Engine, sub *config.Subscription, w window) ([]string, error) {
	notes := []string{"The first is asked first; its answer tells workspace and time zone, which the others depend on."}
	if sub.Paginate {
		notes = append(notes, "Of every list this is the first page.")
	}
	all, err := subscribe.Checkpoints(ctx, engine.Store)
	if err != nil {
		return nil, err
	}
	for _, cp := range all {
		if cp.Subscription == sub.Name && cp.Run != nil && cp.Window == "" && w.since.IsZero() && !c.Reset {
			notes = append(notes, "A run was stopped in the middle: `"+name+" run` goes on with that one first.")
		}
	}
	if !sub.Enabled {
		notes = append(notes, "The subscription is not enabled: only run by its name runs it.")
	}
	return notes, nil
}

func plannedRequests(wires []intercom.Wire) []plannedRequest {
	requests := make([]plannedRequest, 0, len(wires))
	for _, w := range wires {
		r := plannedRequest{Method: w.Method, URL: w.URL, Headers: map[string]string{}, Body: w.Body}
		for key, values := range w.Header {
			r.Headers[key] = strings.Join(values, ", ")
		}
		requests = append(requests, r)
	}
	return requests
}

// text is the request as people read it.
func (r *plannedRequest) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL)
	for _, key := range slices.Sorted(maps.Keys(r.Headers)) {
		fmt.Fprintf(&b, "  %s: %s\n", key, r.Headers[key])
	}
	if len(r.Body) > 0 {
		fmt.Fprintf(&b, "\n  %s\n", pretty(r.Body, "  "))
	}
	return b.String()
}

func (p *plan) write(w io.Writer) error {
	var b strings.Builder
	for i := range p.Requests {
		b.WriteString(p.Requests[i].text() + "\n")
	}
	for _, r := range p.Refused {
		fmt.Fprintf(&b, "not sent, but quarantined: %s\n  %s\n\n", r.Reason, r.Request)
	}
	for _, note := range p.Notes {
		b.WriteString(note + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
