package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

	"intercom-connector/shared/intercom/intercomtest"
)

// What the demo writes.
const (
	demoNew   = 12 // contacts that are made
	demoKnown = 3  // contacts that are there already
	demoNotes = 12
)

// A demoMessage is a message of the demo. What the workspace applies is told
// apart by a marker in it.
type demoMessage struct {
	ID      string            `json:"id,omitempty"`
	Path    map[string]string `json:"path,omitempty"`
	Payload map[string]any    `json:"payload"`
}

// publish is the second half of the story: messages go in, and something goes
// wrong with each kind of them.
func (d *demo) publish(ctx context.Context) error {
	contacts := d.contactMessages()
	d.step("4", "%s go in: %d new contacts, %d that are there already, one with an unknown attribute; a 429 in between",
		count(int64(len(contacts)), "message"), demoNew, demoKnown)
	d.ws.Fault(intercomtest.Fault{Method: http.MethodPost, Path: "/contacts", First: 6, Times: 1, Effect: limited})
	var report publicationReport
	if err := d.send(ctx, &report, "upsert-contact", contacts); err != nil {
		return err
	}
	d.say("  %s, %s", tallyText(report.Tally, ", "), count(report.Requests, "request"))

	d.step("5", "the attribute is made, and the dead letter sent again")
	attribute := []demoMessage{{Payload: map[string]any{"name": "shoe_size", "model": "contact", "data_type": "integer"}}}
	if err := d.send(ctx, &report, "attribute", attribute); err != nil {
		return err
	}
	var again retrials
	if err := d.call(ctx, &again, "dead-letters", "retry", "--all"); err != nil {
		return err
	}
	for i := range again.Publishers {
		d.say("  %s", again.Publishers[i].text())
	}

	notes := d.noteMessages()
	d.step("6", "%s that must not be repeated: one comes twice, and one is answered by a broken connection",
		count(int64(len(notes)), "note"))
	d.ws.Fault(intercomtest.Fault{Method: http.MethodPost, Path: "/contacts/{contact_id}/notes", First: 4, Times: 1, Effect: intercomtest.Reset(), After: true})
	if err := d.send(ctx, &report, "note", notes); err != nil {
		return err
	}
	d.say("  %s; %s recognised", tallyText(report.Tally, ", "), count(report.Duplicates, "duplicate"))
	return nil
}

// mark returns a marker of a message that has to be applied.
func (d *demo) mark(what string, number int) string {
	marker := fmt.Sprintf("marker:%s-%d", what, number)
	d.sent[marker] = true
	return marker
}

// contactMessages are those of upsert-contact.
func (d *demo) contactMessages() []demoMessage {
	var all []demoMessage
	add := func(email string, attributes map[string]any) {
		attributes["marker"] = d.mark("contact", len(all))
		all = append(all, demoMessage{Payload: map[string]any{
			"role": "user", "email": email, "custom_attributes": attributes,
		}})
	}
	for i := range demoNew {
		add(fmt.Sprintf("new-%d@example.com", i), map[string]any{})
	}
	for i := range demoKnown {
		add(d.email(i), map[string]any{})
	}
	add("barefoot@example.com", map[string]any{"shoe_size": 45})
	return all
}

// email is the address of one of the contacts.
func (d *demo) email(i int) string {
	record, _ := d.ws.Record(intercomtest.Contacts, d.ws.ID(intercomtest.Contacts, i))
	var contact struct {
		Email string `json:"email"`
	}
	_ = json.Unmarshal(record.JSON, &contact) // without an address it is a new contact, and the check says so
	return contact.Email
}

// noteMessages are those of note. The last is the first one again.
func (d *demo) noteMessages() []demoMessage {
	var all []demoMessage
	for i := range demoNotes {
		all = append(all, demoMessage{
			ID:      fmt.Sprintf("note-%d", i),
			Path:    map[string]string{"contact_id": d.ws.ID(intercomtest.Contacts, 100+i)},
			Payload: map[string]any{"body": d.mark("note", i)},
		})
	}
	return append(all, all[0])
}

// send publishes messages and reads the report.
func (d *demo) send(ctx context.Context, report *publicationReport, publisher string, messages []demoMessage) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, m := range messages {
		if err := e.Encode(m); err != nil {
			return fmt.Errorf("write messages: %w", err)
		}
	}
	path := d.path(publisher + ".messages.ndjson")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write messages: %w", err)
	}
	*report = publicationReport{}
	return d.call(ctx, report, "publish", publisher, path)
}

// call calls this program and decodes what it prints. Dead letters are no error
// here: they are part of the story.
func (d *demo) call(ctx context.Context, into any, args ...string) error {
	cmd, out, err := d.command(ctx, args...)
	if err != nil {
		return err
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == statusFailed {
		err = nil
	}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, oneLine(complaints.String()))
	}
	return nil
}

// countWrites compares what the workspace has applied with what was sent. It
// shares nothing with the publisher.
func (s *showing) countWrites(d *demo) {
	times := map[string]int{}
	for _, w := range d.ws.Writes() {
		if w.Marker != "" && !w.Again {
			times[w.Marker]++
		}
	}
	s.Messages = len(d.sent)
	for marker := range d.sent {
		switch n := times[marker]; {
		case n == 0:
			s.NotApplied++
		case n > 1:
			s.Twice++
		}
	}
	s.Conflicts = len(slices.DeleteFunc(d.ws.Writes(), func(w intercomtest.Write) bool {
		return w.Operation != "PUT /contacts/{contact_id}" && w.Operation != "PUT /contacts/{id}"
	}))
}
