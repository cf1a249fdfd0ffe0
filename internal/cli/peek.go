package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"intercom-connector/internal/subscribe"
)

// peekCommand shows what a run would deliver, by a few real records.
type peekCommand struct {
	Name  string `arg:"" help:"A subscription of the configuration."`
	N     int    `short:"n" default:"5" help:"How many records, at most 50."`
	Input input  `placeholder:"JSON" help:"What request_transform sees as .input."`

	LogRequests string `enum:",off,headers,bodies" default:"" placeholder:"MODE" help:"As of run."`
}

const maxPeek = 50

// Run implements the command.
func (c *peekCommand) Run(ctx context.Context, a *app) error {
	if c.N < 1 || c.N > maxPeek {
		return usagef("-n is 1 to %d", maxPeek)
	}
	input, err := c.Input.value()
	if err != nil {
		return err
	}
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	sub, err := subscription(cfg, c.Name)
	if err != nil {
		return err
	}
	clients := a.clients(cfg, c.LogRequests)
	defer clients.close()
	if _, err := clients.get(sub.Client); err != nil {
		return err
	}
	store, _, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	engine, put, err := a.rehearsal(clients, sub, store)
	if err != nil {
		return err
	}
	peeked, err := engine.Peek(ctx, c.N, subscribe.Options{Input: input, Aside: put})
	switch {
	case ctx.Err() != nil:
		return &statusError{statusInterrupted}
	case err != nil:
		a.complain("%s: %s", sub.Name, a.explainFor(cfg, sub.Client, err))
		return &statusError{statusFailed}
	}
	for _, item := range put.items {
		a.note("%s: a request would be quarantined: %s", sub.Name, item.Reason)
	}
	if a.global.JSON {
		if peeked == nil {
			peeked = []subscribe.Peeked{}
		}
		return writeJSON(a.Stdout, peeked)
	}
	if len(peeked) == 0 {
		a.note("%s: Intercom has no record to show", sub.Name)
	}
	return writePeeked(a.Stdout, peeked)
}

func writePeeked(w io.Writer, peeked []subscribe.Peeked) error {
	var b strings.Builder
	section := func(title string, values []json.RawMessage) {
		fmt.Fprintf(&b, "%s\n", title)
		for _, v := range values {
			fmt.Fprintf(&b, "  %s\n", pretty(v, "  "))
		}
	}
	for i, p := range peeked {
		fmt.Fprintf(&b, "── record %d of %d\n", i+1, len(peeked))
		section("as served", []json.RawMessage{p.Record})
		if p.Values != nil {
			section("after record_transform", p.Values)
		}
		switch {
		case p.Error != "":
			fmt.Fprintf(&b, "would be quarantined: %s\n", oneLine(p.Error))
		case len(p.Events) == 0:
			b.WriteString("no event: record_transform yields nothing\n")
		default:
			section(count(int64(len(p.Events)), "event"), p.Events)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
