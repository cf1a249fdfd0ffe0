package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"intercom-connector/internal/state"
)

// How long things are remembered.
const (
	// remembered is longer than a queue and its dead letters keep a message
	// together, so that a late duplicate still finds what became of the first.
	remembered = 45 * 24 * time.Hour
	// claimed is how long a claim is respected: more than an attempt of the
	// client takes.
	claimed = 2 * time.Minute
	// maxAnswer is the largest answer in bytes that is kept.
	maxAnswer = 100 << 10
)

// The states of a record. A request that must not be repeated is claimed first,
// so whoever finds the claim later knows that it may have been sent.
type recordState string

const (
	sending  recordState = "sending"  // somebody is at it, until the claim ends
	done     recordState = "done"     // Intercom has it
	released recordState = "released" // surely not applied: free for everybody
	unknown  recordState = "unknown"  // never to be sent again
)

// A record is what is remembered of one message by its id.
type record struct {
	State   recordState `json:"state"`
	Request string      `json:"request"` // digest
	Owner   string      `json:"owner,omitempty"`
	Until   time.Time   `json:"until,omitzero"` // of sending
	// Sent is when the request was last about to be sent, First when it was
	// first: what has been applied was made between.
	Sent  time.Time `json:"sent,omitzero"`
	First time.Time `json:"first,omitzero"`
	// Losses counts the attempts whose answer was lost.
	Losses int `json:"losses,omitempty"`
	// Lost means that an attempt may have been applied; Answered that Intercom
	// itself answered the last one, with an error.
	Lost     bool `json:"lost,omitempty"`
	Answered bool `json:"answered,omitempty"`

	Status    int             `json:"status,omitempty"`
	Code      string          `json:"code,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	Answer    json.RawMessage `json:"answer,omitempty"`
	Reason    string          `json:"reason,omitempty"` // of unknown
}

// A claim is this publisher's hold on a record.
type claim struct {
	p   *Publisher
	key string
	record
	revision state.Revision // "" for a record that does not exist yet
}

// errTaken means that somebody else has changed the record.
var errTaken = errors.New("another worker has it")

// claimKey is where a message is remembered. Ids are hashed: a store's keys are
// short, and a sender may use what is nobody's business for an id.
func (p *Publisher) claimKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return "sent/" + url.PathEscape(p.Workspace) + "/" + p.Publisher.Name + "/" + hex.EncodeToString(sum[:])
}

// load reads what is remembered of a message.
func (p *Publisher) load(ctx context.Context, id string) (*claim, error) {
	c := &claim{p: p, key: p.claimKey(id)}
	got, err := p.Store.Get(ctx, c.key)
	if errors.Is(err, state.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look the message up: %w", err)
	}
	if err := json.Unmarshal(got.Value, &c.record); err != nil {
		return nil, fmt.Errorf("look the message up: %w", err)
	}
	c.revision = got.Revision
	return c, nil
}

// save writes the record, and returns errTaken where somebody else has.
func (c *claim) save(ctx context.Context) error {
	value, err := json.Marshal(c.record)
	if err != nil {
		return fmt.Errorf("remember the message: %w", err)
	}
	expires := time.Now().Add(remembered)
	var revision state.Revision
	if c.revision == "" {
		revision, err = c.p.Store.Create(ctx, c.key, value, expires)
	} else {
		revision, err = c.p.Store.Save(ctx, c.key, value, c.revision, expires)
	}
	switch {
	case errors.Is(err, state.ErrExists) || errors.Is(err, state.ErrConflict):
		return errTaken
	case err != nil:
		return fmt.Errorf("remember the message: %w", err)
	}
	c.revision = revision
	return nil
}

// take claims the record for sending, right before the request goes out.
func (c *claim) take(ctx context.Context, digest string) error {
	now := time.Now().UTC()
	before := c.record
	c.record = record{
		State:   sending,
		Request: digest,
		Owner:   c.p.Owner,
		Until:   now.Add(claimed),
		Sent:    now,
		First:   before.First,
		Losses:  before.Losses,
		Lost:    before.Lost,
	}
	if !before.Lost {
		c.First = now
	}
	if err := c.save(ctx); err != nil {
		c.record = before
		return err
	}
	return nil
}

// release says that the request was not applied by the last attempt. Where an
// earlier one may have been, that is not forgotten.
func (c *claim) release(ctx context.Context) error {
	c.State, c.Owner, c.Until = released, "", time.Time{}
	return c.save(ctx)
}

// leave says that the request may have been applied and that whoever comes next
// may find out at once: nobody is at it any more.
func (c *claim) leave(ctx context.Context, v verdict) error {
	c.Lost, c.Answered = true, v.answered
	c.Losses++
	c.Status, c.Code, c.RequestID = v.status, v.code, v.requestID
	c.Until = time.Now().UTC()
	return c.save(ctx)
}

// doubt gives the request up for good.
func (c *claim) doubt(ctx context.Context, reason string) error {
	c.State, c.Owner, c.Until, c.Reason = unknown, "", time.Time{}, reason
	return c.save(ctx)
}

// finish remembers that the request was applied, and what was answered. It wins
// over whatever others have written meanwhile: only who has the answer knows.
func (c *claim) finish(ctx context.Context, r Result) error {
	c.State, c.Owner, c.Until, c.Reason = done, "", time.Time{}, ""
	c.Status, c.Code, c.RequestID, c.Answer = r.Status, "", r.RequestID, r.Answer
	if len(r.Answer) > maxAnswer {
		c.Answer = tooLarge(len(r.Answer))
	}
	return c.insist(ctx)
}

// tooLarge stands for an answer that is not kept.
func tooLarge(n int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"note":"the answer of %d bytes was too large to be kept"}`, n))
}

// insist saves until it succeeds, within ctx.
func (c *claim) insist(ctx context.Context) error {
	final := c.record
	for try := 0; ; try++ {
		err := c.save(ctx)
		if err == nil {
			c.p.unsaved.Delete(c.key)
			return nil
		}
		if errors.Is(err, errTaken) {
			got, getErr := c.p.Store.Get(ctx, c.key)
			switch {
			case getErr == nil:
				var there record
				if json.Unmarshal(got.Value, &there) == nil && there.State == done {
					c.record, c.revision = there, got.Revision
					return nil
				}
				c.record, c.revision = final, got.Revision
			case errors.Is(getErr, state.ErrNotFound):
				c.revision = ""
			}
		}
		if try == insistTries || !sleep(ctx, jittered(shortBackoff, try, longestHere, c.p.Random())) {
			// The answer is not lost as long as this process lives: the next
			// delivery of the message begins with saving it.
			c.p.unsaved.Store(c.key, final)
			return err
		}
	}
}

// insistTries is how often a finished request is tried to be remembered.
const insistTries = 4

// live reports whether somebody else is at it. What this very worker has
// claimed and is not working on was claimed before it died: an Owner has one
// life at a time.
func (c *claim) live() bool {
	return c.State == sending && c.Owner != c.p.Owner && time.Now().Before(c.Until)
}

// Forget lets a message be sent again whose outcome is unknown. The caller has
// found out, or accepts that Intercom may have it twice. It reports whether
// there was anything to forget; a message that is done or being sent stays.
func (p *Publisher) Forget(ctx context.Context, id string) (bool, error) {
	c, err := p.load(ctx, id)
	if err != nil {
		return false, fmt.Errorf("forget: %w", err)
	}
	if c.State != unknown {
		return false, nil
	}
	if err := p.Store.Delete(ctx, c.key, c.revision); err != nil {
		return false, fmt.Errorf("forget: %w", err)
	}
	return true, nil
}
