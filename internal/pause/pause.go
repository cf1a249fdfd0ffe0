// Package pause keeps a client that cannot send from trying: by a flag in the
// store, which every publisher of the client looks at, because they share the
// token.
//
// A refusal can take its time, and by the time it comes there may be another
// token already. So a pause for a token's sake names the version of the token
// that was refused, and stands only as long as that one is the current one:
//   - whoever is about to write it looks first, after having read the record,
//     whether there is another token by now;
//   - whoever stores a token resumes the client afterwards, which changes the
//     record, paused or not: what was read before that cannot be written any more;
//   - whoever finds the flag looks whether it is about the current token.
//
// The first two make a pause impossible that outlives a fresh grant, if reading
// a secret shows what was stored before. For a secret that shows it a little
// later, a resume remembers with which version it was, and for some minutes
// nothing pauses because of any other.
//
// It is apart from internal/publish because the function that grants access needs
// only this, and not what transforms messages.
package pause

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// A flag is what is remembered of whether a client may send.
type flag struct {
	Reason string    `json:"reason,omitempty"` // "": it may send
	Time   time.Time `json:"time,omitzero"`
	// Version is the one of the token that was refused; "" for a pause that has
	// nothing to do with one, such as one by hand.
	Version string `json:"version,omitempty"`
	// Resumed is the version that somebody has last resumed with, ResumedAt when.
	Resumed   string    `json:"resumed,omitempty"`
	ResumedAt time.Time `json:"resumed_at,omitzero"`

	revision state.Revision // "" for a record that does not exist
}

// NoToken is the version of the token of a client that has none.
const NoToken = "none"

const (
	// tries bounds how often a pause is written anew when others write it too.
	tries = 20
	// lateRefusal is how long after a resume a refusal of another token is taken
	// for one that was long on its way: more than a request takes, and than a
	// secret needs to be the same everywhere.
	lateRefusal = 5 * time.Minute
)

// key is where the pause of a client is kept.
func key(client string) string { return "paused/" + client }

// Begin keeps all publishers of a client from sending anything, until [Resume].
// version names the token that was refused, "" means that no token is to blame.
// A client that is paused already keeps its first reason, unless that was about
// another token.
//
// Whoever has met a refusal and can look for a newer token calls [Revoke].
func Begin(ctx context.Context, store state.Store, client, reason, version string) error {
	_, err := Revoke(ctx, store, client, reason, version, nil)
	return err
}

// Revoke is [Begin], unless the token that was refused has been replaced: then
// it does nothing and returns false. current tells the version of the current
// token, read anew, [NoToken] where there is none.
func Revoke(ctx context.Context, store state.Store, client, reason, version string, current func(context.Context) (string, error)) (bool, error) {
	for range tries {
		f, err := load(ctx, store, client)
		if err != nil {
			return false, fmt.Errorf("pause client %s: %w", client, err)
		}
		if f.Reason != "" && (f.Version == "" || f.Version == version) {
			return true, nil
		}
		replaced, err := f.replaced(ctx, version, current)
		if err != nil {
			return false, fmt.Errorf("pause client %s: look for another token: %w", client, err)
		}
		if replaced {
			return false, nil
		}
		f.Reason, f.Version, f.Time = cmp.Or(reason, "no reason was given"), version, time.Now().UTC()
		err = f.save(ctx, store, client)
		if err == nil {
			return true, nil
		}
		if !raced(err) {
			return false, fmt.Errorf("pause client %s: %w", client, err)
		}
	}
	return false, fmt.Errorf("pause client %s: %w", client, state.ErrConflict)
}

// replaced reports whether there is another token than the one of a version.
func (f *flag) replaced(ctx context.Context, version string, current func(context.Context) (string, error)) (bool, error) {
	switch {
	case version == "":
		return false, nil
	case f.Resumed != "" && f.Resumed != version && time.Since(f.ResumedAt) < lateRefusal:
		return true, nil
	case current == nil:
		return false, nil
	}
	now, err := current(ctx)
	return now != version && now != "", err
}

// Resume lets the publishers of a client send again. Resuming one that is not
// paused is no error. version names the token that it is resumed with: whoever
// has stored a token says which, so that a late refusal of the one before is
// known for what it is. "" means that the token is the same.
func Resume(ctx context.Context, store state.Store, client, version string) error {
	for range tries {
		f, err := load(ctx, store, client)
		if err != nil {
			return fmt.Errorf("resume client %s: %w", client, err)
		}
		if version != "" {
			f.Resumed, f.ResumedAt = version, time.Now().UTC()
		}
		err = f.lift(ctx, store, client)
		if err == nil {
			return nil
		}
		if !raced(err) {
			return fmt.Errorf("resume client %s: %w", client, err)
		}
	}
	return fmt.Errorf("resume client %s: %w", client, state.ErrConflict)
}

// Reason says why a client is paused, "" for one that is not.
func Reason(ctx context.Context, store state.Store, client string) (string, error) {
	f, err := load(ctx, store, client)
	if err != nil {
		return "", fmt.Errorf("look whether client %s is paused: %w", client, err)
	}
	return f.Reason, nil
}

// Still is [Reason], and lifts a pause that is about another token than the
// current one: somebody has stored a token and not said so.
func Still(ctx context.Context, store state.Store, client string, current func(context.Context) (string, error)) (string, error) {
	for range tries {
		f, err := load(ctx, store, client)
		if err != nil {
			return "", fmt.Errorf("look whether client %s is paused: %w", client, err)
		}
		if f.Reason == "" || f.Version == "" {
			return f.Reason, nil
		}
		now, err := current(ctx)
		if err != nil || now == f.Version || now == "" {
			return f.Reason, nil //nolint:nilerr // while nobody can tell, a pause is a pause
		}
		err = f.lift(ctx, store, client)
		if err == nil {
			return "", nil
		}
		if !raced(err) {
			return "", fmt.Errorf("resume client %s: %w", client, err)
		}
	}
	return "", fmt.Errorf("look whether client %s is paused: %w", client, state.ErrConflict)
}

// load reads what is remembered of a client.
func load(ctx context.Context, store state.Store, client string) (flag, error) {
	record, err := store.Get(ctx, key(client))
	if errors.Is(err, state.ErrNotFound) {
		return flag{}, nil
	}
	if err != nil {
		return flag{}, err
	}
	var f flag
	if json.Unmarshal(record.Value, &f) != nil || f.Reason == "" && f.Resumed == "" {
		f = flag{Reason: "paused, for a reason that cannot be read"} // a pause is a pause, whatever it says
	}
	f.revision = record.Revision
	return f, nil
}

// save writes a pause over what was loaded.
func (f *flag) save(ctx context.Context, store state.Store, client string) error {
	value, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if f.revision == "" {
		_, err = store.Create(ctx, key(client), value, time.Time{})
	} else {
		_, err = store.Save(ctx, key(client), value, f.revision, time.Time{})
	}
	return err
}

// lift removes the flag, and keeps what is known of resuming.
func (f *flag) lift(ctx context.Context, store state.Store, client string) error {
	f.Reason, f.Version, f.Time = "", "", time.Time{}
	switch {
	case f.Resumed != "":
		return f.save(ctx, store, client)
	case f.revision == "":
		return nil
	default:
		return store.Delete(ctx, key(client), f.revision)
	}
}

// raced reports whether a write failed because somebody else was faster.
func raced(err error) bool {
	return errors.Is(err, state.ErrConflict) || errors.Is(err, state.ErrExists)
}

// CurrentToken reads anew which version of its token a client has, as [Revoke]
// and [Still] want to know it: [NoToken] where there is none, "" where tokens have
// no versions.
func CurrentToken(ctx context.Context, api *intercom.Client) (string, error) {
	version, err := api.TokenVersion(ctx, "")
	if err == nil && version != "" {
		version, err = api.TokenVersion(ctx, version) // not the one that is remembered
	}
	if errors.Is(err, intercom.ErrNoToken) {
		return NoToken, nil
	}
	return version, err
}
