package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"

	"intercom-connector/internal/local/filequeue"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/shared/intercom"
)

// A rehearsedMessage is what --dry-run shows of a message: its request, or why
// there is none.
type rehearsedMessage struct {
	File    string          `json:"file"`
	Line    int             `json:"line"`
	Request *plannedRequest `json:"request,omitempty"`
	Problem string          `json:"problem,omitempty"`
}

// rehearse prints the requests of all messages and sends none. With --json it
// prints an object a line, because a file can have any length.
func (p *publication) rehearse(ctx context.Context) error {
	store, err := sqlitestate.Open(ctx, sqlitestate.Memory)
	if err != nil {
		return err
	}
	defer store.Close()
	out, err := p.rehearsedOutlet(p.clients, store, p.pub)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(p.Stdout)
	var good, dead int64
	show := func(m rehearsedMessage) error {
		if m.Problem == "" {
			good++
		} else {
			dead++
		}
		return p.writeRehearsed(w, m)
	}
	for _, f := range p.files {
		progress, err := filequeue.Load(ctx, store, "", p.pub.Name, f)
		if err != nil {
			return err
		}
		for d, err := range f.Deliveries(ctx, progress, func(b filequeue.Bad) error {
			return show(rehearsedMessage{File: f.Name, Line: b.Line, Problem: b.Reason})
		}) {
			if err != nil {
				return err
			}
			m := rehearsedMessage{File: f.Name, Line: d.Line}
			wire, err := out.Wire(ctx, d)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				m.Problem = err.Error()
			default:
				m.Request = &plannedRequests([]intercom.Wire{wire})[0]
			}
			if ctx.Err() != nil {
				break
			}
			if err := show(m); err != nil {
				return err
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &statusError{statusInterrupted}
	}
	p.note("%s: %s would be sent, %s would be dead; nothing was sent", p.pub.Name, count(good, "message"), number(dead))
	if dead > 0 {
		return &statusError{statusFailed}
	}
	return nil
}

func (p *publication) writeRehearsed(w *bufio.Writer, m rehearsedMessage) error {
	if p.global.JSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(m)
	}
	if m.Request != nil {
		_, err := fmt.Fprintf(w, "# %s line %d\n%s\n", m.File, m.Line, m.Request.text())
		return err
	}
	_, err := fmt.Fprintf(w, "# %s line %d would be dead: %s\n\n", m.File, m.Line, oneLine(m.Problem))
	return err
}
