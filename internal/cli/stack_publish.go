package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/filequeue"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
)

const (
	// sendAtOnce is how many batches are under way at once, where the queue keeps
	// no order anyway.
	sendAtOnce = 8
	// sendWithin is how long a batch that is under way may take after somebody
	// wants it to end.
	sendWithin = 30 * time.Second
)

// A shipment is one call of publishCommand that sends to a stack's queue: the
// stack publishes, this machine only remembers what it has sent.
type shipment struct {
	*publication

	stack   *deployment
	queue   stackaccess.Queue
	naming  *publish.Publisher // tells the groups of messages
	trace   string             // names this call in the stack's logs
	tracker *shipmentTracker
}

// ship sends all files to the queue.
func (p *publication) ship(ctx context.Context) error {
	s := &shipment{publication: p, trace: "publish-" + strings.ToLower(rand.Text()[:8])}
	if err := s.open(ctx); err != nil {
		return err
	}
	lock, err := filelock.Lock(filepath.Join(p.stateFolder(), "locks", p.pub.Name+"."+string(s.stack.Stack)+".sending.lock"))
	if errors.Is(err, filelock.ErrHeld) {
		return newBusyError("sending to "+s.queue.Name, err)
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // The end of the process frees it too.
	store, err := sqlitestate.Open(ctx, p.statePath())
	if err != nil {
		return err
	}
	defer store.Close()
	if s.naming, err = p.rehearsedOutlet(p.clients, store, p.pub); err != nil {
		return err
	}
	s.tracker = newShipmentTracker(s)
	return s.tell(ctx, s.sendAll(ctx, store))
}

// open finds the queue, and says where nothing will take from it for now.
func (s *shipment) open(ctx context.Context) (err error) {
	if s.stack, err = s.app.stack(ctx, s.command.stackFlags); err != nil {
		return err
	}
	queues, err := s.stack.Queues(ctx)
	if err != nil {
		return err
	}
	s.queue, err = s.stack.find(queues, names.Queue{Client: s.pub.Client, Owner: s.pub.Name, Kind: names.MessagesQueue, FIFO: s.pub.FIFO})
	if err != nil {
		return err
	}
	// Who may send need not be allowed to read the state.
	if reason, err := pause.Reason(ctx, s.stack.store, s.pub.Client); err == nil && reason != "" {
		s.note("%s: client %s is paused (%s): the messages wait in the queue", s.pub.Name, s.pub.Client, oneLine(reason))
	}
	return nil
}

func (s *shipment) sendAll(ctx context.Context, store *sqlitestate.Store) error {
	display := s.display(s.tracker.line)
	defer display.stop()
	for i, f := range s.files {
		if err := s.sendFile(ctx, store, f, i); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// sendFile sends what is left of a file.
func (s *shipment) sendFile(ctx context.Context, store *sqlitestate.Store, f *filequeue.File, i int) (err error) {
	// A stack that was destroyed and deployed again has other queues, and an ARN
	// of its own.
	progress, err := filequeue.Load(ctx, store, s.stack.id, s.pub.Name, f)
	if err != nil {
		return err
	}
	at, complete := progress.Complete()
	switch {
	case complete && !s.command.Again:
		s.tracker.already(i, at, progress)
		s.note("%s: already sent to the queue of %s, %s on %s; --again sends it anew",
			f.Name, s.stack.Stack, count(f.Messages, "message"), moment(at))
		return nil
	case complete:
		progress.Again()
	case s.command.Again:
		s.note("%s: going on with it; --again is for a file that has been sent to its end", f.Name)
	}
	s.tracker.begin(i, progress)
	lasting := context.WithoutCancel(ctx)
	settle := func(line int, problem string) error { return s.settle(lasting, progress, i, line, problem) }

	size := sendAtOnce
	if s.queue.FIFO {
		size = 1 // the order in which they arrive is the order of the file
	}
	sending := newCrew(size)
	bundle := &bundler{send: func(batch []parcel) error {
		sends := sending.do(func() error {
			// Noted at once, so that a kill has next to nothing sent again.
			return errors.Join(s.send(lasting, batch, settle), progress.Save(lasting))
		})
		if !sends {
			return errCrewFailed
		}
		return nil
	}}
	err = s.pack(ctx, f, progress, settle, bundle)
	if errors.Is(err, errCrewFailed) {
		err = nil // wait tells
	}
	return errors.Join(err, sending.wait(), progress.Save(lasting))
}

// settle notes that a line has been sent, or why it cannot be.
func (s *shipment) settle(ctx context.Context, progress *filequeue.Progress, file, line int, problem string) error {
	outcome := publish.Done
	if problem != "" {
		outcome = publish.Dead
	}
	if err := progress.Finish(ctx, publish.Result{Line: line, Outcome: outcome}); err != nil {
		return err
	}
	s.tracker.settle(file, line, progress, problem, func(text string) { s.complain("%s", text) })
	return nil
}

// pack has what is left of a file sent until that fails.
func (s *shipment) pack(ctx context.Context, f *filequeue.File, progress *filequeue.Progress, settle func(int, string) error, bundle *bundler) error {
	bad := func(b filequeue.Bad) error { return settle(b.Line, b.Reason) }
	for d, err := range f.Deliveries(ctx, progress, bad) {
		if err != nil {
			return err
		}
		out, problem, err := s.address(ctx, d)
		switch {
		case err != nil:
		case problem != "":
			err = settle(d.Line, problem)
		default:
			err = bundle.add(parcel{out, d.Line})
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return bundle.flush()
}

// address makes a message for the queue of a line, or says why that cannot be.
func (s *shipment) address(ctx context.Context, d publish.Delivery) (out stackaccess.Outgoing, problem string, err error) {
	body, problem := sendable(d.Body)
	if problem != "" {
		return out, problem, nil
	}
	out = stackaccess.Outgoing{Body: body, Attributes: map[string]string{names.AttributeID: d.ID, names.AttributeTrace: s.trace}}
	if size := out.Size(); size > stackaccess.MaxBatchBytes {
		return out, fmt.Sprintf("with its id it has %d bytes, and a queue takes %d", size, stackaccess.MaxBatchBytes), nil
	}
	if !s.queue.FIFO {
		return out, "", nil
	}
	_, group, err := s.naming.Names(ctx, d)
	if err != nil {
		return out, "", err
	}
	if group == "" {
		return out, "the publisher is FIFO, so the message needs a group", nil
	}
	out.Group, out.Deduplication = groupID(group), d.ID
	return out, "", nil
}

// send sends a batch and notes what became of it.
func (s *shipment) send(ctx context.Context, batch []parcel, settle func(int, string) error) error {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	failures, err := s.stack.Send(ctx, s.queue, outgoing(batch))
	if err != nil {
		return err
	}
	problems := map[int]string{}
	for _, f := range failures {
		problems[f.Index] = "SQS refuses it: " + f.Code + ": " + f.Reason
	}
	for i := range batch {
		if err := settle(batch[i].mark, problems[i]); err != nil {
			return err
		}
	}
	return nil
}

// tell reports what came of it, and returns the exit status as an error.
func (s *shipment) tell(ctx context.Context, err error) error {
	r := s.tracker.finish()
	switch {
	case err != nil && ctx.Err() != nil:
		r.Outcome = publicationInterrupted
	case err != nil:
		r.Outcome, r.Error = publicationFailed, err.Error()
	case r.Refused > 0:
		r.Outcome = publicationFailed
	}
	switch {
	case s.global.JSON:
		if err := writeJSON(s.Stdout, r); err != nil {
			return err
		}
	case !s.global.Quiet:
		if _, err := fmt.Fprint(s.Stdout, r.text(s)); err != nil {
			return err
		}
	}
	switch {
	case r.Outcome == publicationInterrupted:
		s.complain("%s: interrupted; what was sent is remembered. Go on with: %s", s.pub.Name, s.again())
		return &statusError{statusInterrupted}
	case err != nil:
		s.complain("%s: %s", s.pub.Name, s.explain(err))
		return &statusError{statusFailed}
	case r.Outcome != publicationSent:
		return &statusError{statusFailed}
	default:
		return nil
	}
}

// sendable is a body as SQS takes it. Of all that JSON may have it refuses two
// characters, which can be written in another way.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func sendable(body []byte) (text, problem string) {
	if !utf8.Valid(body) {
		return "", "it is not UTF-8, and a queue takes nothing else"
	}
	text = string(body)
	taken := func(r rune) bool {
		return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r != 0xfffe && r != 0xffff
	}
	at := strings.IndexFunc(text, func(r rune) bool { return !taken(r) })
	if at < 0 {
		return text, ""
	}
	if !json.Valid(body) {
		r, _ := utf8.DecodeRuneInString(text[at:])
		return "", fmt.Sprintf("it is not JSON and has the character %U, which a queue does not take", r)
	}
	return strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(text), ""
}

// groupID is a message group of SQS for a group of ours, which may be any text.
func groupID(group string) string {
	const longest = 128
	plain := func(r rune) bool { return r > ' ' && r <= '~' }
	if len(group) <= longest && strings.IndexFunc(group, func(r rune) bool { return !plain(r) }) < 0 {
		return group
	}
	sum := sha256.Sum256([]byte(group))
	return "sha256-" + hex.EncodeToString(sum[:])
}
