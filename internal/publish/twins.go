package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"intercom-connector/internal/state"
)

// Two equal notes may both be meant. When the answer to one of them is lost and
// one note is found, whose is it? So whoever sends what can be looked for says
// so first, and who looks for it knows how many there should be.

const (
	// twinsKept is how long it is remembered who has sent the same.
	twinsKept = 24 * time.Hour
	// maxTwins bounds them; beyond, nobody can tell them apart.
	maxTwins = 100
	// twinTries bounds how often the list is written when others write it too.
	twinTries = 8
)

// A twin is a message with a certain request.
type twin struct {
	Key  string `json:"key"` // of its claim
	Time int64  `json:"time"`
}

func (c *course) twinKey() string {
	return "same/" + url.PathEscape(c.p.Workspace) + "/" + c.m.digest
}

// announce says that this message is about to send its request.
func (c *course) announce(ctx context.Context) error {
	me := twin{Key: c.claim.key, Time: time.Now().Unix()}
	for range twinTries {
		expires := time.Now().Add(twinsKept)
		_, err := c.p.Store.Create(ctx, c.twinKey(), mustEncode([]twin{me}), expires)
		if err == nil {
			return nil
		}
		if !errors.Is(err, state.ErrExists) {
			return fmt.Errorf("remember the request: %w", err)
		}
		got, err := c.p.Store.Get(ctx, c.twinKey())
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("remember the request: %w", err)
		}
		var list []twin
		if json.Unmarshal(got.Value, &list) != nil {
			list = nil
		}
		list = append(list, me)
		list = list[max(0, len(list)-maxTwins):]
		_, err = c.p.Store.Save(ctx, c.twinKey(), mustEncode(list), got.Revision, expires)
		if err == nil {
			return nil
		}
		if !errors.Is(err, state.ErrConflict) {
			return fmt.Errorf("remember the request: %w", err)
		}
	}
	return fmt.Errorf("remember the request: %w", state.ErrConflict)
}

// twins returns how many messages have sent this request around the time when
// this one did, itself included, and whether that is known.
func (c *course) twins(ctx context.Context) (n int, sure bool) {
	got, err := c.p.Store.Get(ctx, c.twinKey())
	if err != nil {
		return 0, false
	}
	var list []twin
	if json.Unmarshal(got.Value, &list) != nil || len(list) >= maxTwins {
		return 0, false
	}
	const around = int64((claimed + 2*slack) / time.Second)
	keys := map[string]bool{c.claim.key: true}
	for _, t := range list {
		if t.Time >= c.claim.First.Unix()-around && t.Time <= c.claim.Sent.Unix()+around {
			keys[t.Key] = true
		}
	}
	return len(keys), true
}

// mustEncode writes what can always be written.
func mustEncode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("publish: " + err.Error())
	}
	return b
}
