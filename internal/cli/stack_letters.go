package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/names"
	"intercom-connector/internal/publish"
)

// A stackLetter is a dead letter in a queue. SQS hands messages out and cannot
// be asked for one: whoever looks for a letter receives all of them, and so
// keeps everybody else from them for a while.
type stackLetter struct {
	listedLetter

	incoming stackaccess.Incoming
}

// readLetter reads what internal/aws/deadout writes, and what SQS itself has put
// into a dead-letter queue: a message that crashed the function again and again,
// as it was sent.
func readLetter(q stackaccess.Queue, in stackaccess.Incoming) stackLetter {
	has := in.Attributes
	l := stackLetter{incoming: in}
	l.Publisher = q.Owner
	l.MessageID = cmp.Or(has[names.AttributeMessageID], in.ID)
	l.ID = cmp.Or(has[names.AttributeID], l.MessageID)
	l.Group = cmp.Or(has[names.AttributeGroup], in.Group)
	l.Outcome = publish.Dead
	if has[names.AttributeOutcome] == string(publish.Unknown) {
		l.Outcome = publish.Unknown
	}
	l.Reason = cmp.Or(has[names.AttributeReason], "the function did not survive it, or did not come to its end in time, too many times")
	l.Status, _ = strconv.Atoi(has[names.AttributeStatus]) // what is no number is no status
	l.Code, l.RequestID, l.Claim = has[names.AttributeCode], has[names.AttributeRequestID], has[names.AttributeClaim]
	l.Time = in.Sent
	if at, err := time.Parse(time.RFC3339, has[names.AttributeTime]); err == nil {
		l.Time = at.UTC()
	}
	l.Bytes = len(in.Body)
	body := in.Body
	if l.Claim != "" {
		body = l.Claim
	}
	l.Key = letters.Key(q.Owner, l.ID, []byte(body))
	return l
}

// How long a letter that is looked at is kept from others: long enough for one
// pass over its queue, because what comes back earlier is met twice.
const (
	hiddenAtLeast   = 30 * time.Second
	hiddenPerLetter = 50 * time.Millisecond
	hiddenAtMost    = time.Hour
	// releaseWithin is how long giving letters back may take.
	releaseWithin = 30 * time.Second
)

// sweep receives all letters of a queue that nobody else has, once, and calls
// visit with some at a time, and with none at the end of the pass, while all are
// still held. visit has removed those that it returns from the queue; all others
// are given back in the end, whatever happened.
//
// beyond is about how many more there are: others have them in flight, or they
// are behind such in their group.
func (d *deployment) sweep(ctx context.Context, q stackaccess.Queue, visit func([]stackLetter) (gone []stackLetter, err error)) (beyond int64, err error) {
	depth, err := d.Depth(ctx, q)
	if err != nil {
		return 0, err
	}
	hidden := min(hiddenAtLeast+time.Duration(depth.Messages())*hiddenPerLetter, hiddenAtMost)
	held := map[string]string{} // SQS's id -> handle, "" for one that is gone
	defer func() {
		err = errors.Join(err, d.giveBack(ctx, q, held))
	}()
	for {
		got, err := d.Receive(ctx, q, hidden)
		if err != nil {
			return 0, err
		}
		var fresh []stackLetter
		for _, in := range got {
			_, seen := held[in.ID]
			held[in.ID] = in.Handle
			if !seen {
				fresh = append(fresh, readLetter(q, in))
			}
		}
		gone, err := visit(fresh)
		for i := range gone {
			held[gone[i].incoming.ID] = ""
		}
		if err != nil {
			return 0, err
		}
		if len(fresh) == 0 { // nothing there, or the pass has come around
			return max(depth.Messages()-int64(len(held)), 0), nil
		}
	}
}

// giveBack lets letters be received again, also where somebody wants it to end.
func (d *deployment) giveBack(ctx context.Context, q stackaccess.Queue, held map[string]string) error {
	var handles []string
	for _, handle := range held {
		if handle != "" {
			handles = append(handles, handle)
		}
	}
	if len(handles) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	return d.Release(ctx, q, handles)
}

// A mailbag has the dead letters of a stack as of one pass over their queues.
type mailbag struct {
	letters []listedLetter // one for each key, the oldest first
	beyond  int64          // about how many more there are, see sweep
	queues  []stackaccess.Queue
}

// collect passes over the dead-letter queues of a publisher, of all for "". keep
// sees each letter with its message.
func (d *deployment) collect(ctx context.Context, publisher string, keep func(stackLetter)) (*mailbag, error) {
	all, err := d.Queues(ctx)
	if err != nil {
		return nil, err
	}
	bag := &mailbag{}
	for _, q := range all {
		if q.Kind == names.DeadLettersQueue && (publisher == "" || q.Owner == publisher) {
			bag.queues = append(bag.queues, q)
		}
	}
	var mu sync.Mutex
	byKey := map[string]*listedLetter{}
	asking := newCrew(askAtOnce)
	for _, q := range bag.queues {
		asking.do(func() error {
			beyond, err := d.sweep(ctx, q, func(some []stackLetter) ([]stackLetter, error) {
				mu.Lock()
				defer mu.Unlock()
				for i := range some {
					add(byKey, some[i].listedLetter)
					if keep != nil {
						keep(some[i])
					}
				}
				return nil, nil
			})
			mu.Lock()
			defer mu.Unlock()
			bag.beyond += beyond
			return err
		})
	}
	if err := asking.wait(); err != nil {
		return nil, err
	}
	for _, l := range byKey {
		bag.letters = append(bag.letters, *l)
	}
	slices.SortFunc(bag.letters, func(a, b listedLetter) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Publisher, b.Publisher), strings.Compare(a.Key, b.Key))
	})
	return bag, nil
}

// add adds a letter. The same message may have died several times, of a retry
// that died again say: that is one letter, with the latest reason.
func add(byKey map[string]*listedLetter, l listedLetter) {
	before := byKey[l.Key]
	if before == nil {
		byKey[l.Key] = &l
		return
	}
	copies := max(before.Copies, 1) + 1
	if !l.Time.Before(before.Time) {
		*before = l
	}
	before.Copies = copies
}

// missing notes letters that nobody could look at.
func (a *app) missing(bag *mailbag) {
	if bag.beyond > 0 {
		a.note("about %s more cannot be looked at now: somebody else has them, or has just had them", number(bag.beyond))
	}
}

// shortestKey is how many digits of a key are worth looking for.
const shortestKey = 4

// findListed returns the letter that a person means, as letters.Box.Find does.
func findListed(all []listedLetter, id string) (listedLetter, error) {
	for _, meant := range []func(*listedLetter) bool{
		func(l *listedLetter) bool { return l.Key == id },
		func(l *listedLetter) bool { return len(id) >= shortestKey && strings.HasPrefix(l.Key, id) },
		func(l *listedLetter) bool { return l.ID == id || l.MessageID == id },
	} {
		var found []listedLetter
		for i := range all {
			if meant(&all[i]) {
				found = append(found, all[i])
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return listedLetter{}, &usageError{&letters.AmbiguousError{ID: id, Letters: len(found)}}
		}
	}
	return listedLetter{}, usagef("%q: %w", id, letters.ErrNone)
}

// among returns the letters that are meant, of all that there are.
func (c *choice) among(all []listedLetter) ([]listedLetter, error) {
	if len(c.IDs) == 0 {
		return c.withReason(all), nil
	}
	var chosen []listedLetter
	for _, id := range c.IDs {
		l, err := findListed(all, id)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(chosen, func(c listedLetter) bool { return c.Key == l.Key }) {
			chosen = append(chosen, l)
		}
	}
	return chosen, nil
}
