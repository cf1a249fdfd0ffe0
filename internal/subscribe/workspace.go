package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// UnknownWorkspace stands for a workspace that could not be asked for its name.
const UnknownWorkspace = "unknown"

// A workspace is what is known of where the token lives.
type workspace struct {
	ID      string `json:"id"`
	Zone    string `json:"zone,omitempty"`
	Created int64  `json:"created,omitempty"` // unix seconds, 0 unknown

	zone  *time.Location // never nil
	known bool           // zone is the workspace's
	now   int64          // the server's clock when it was asked
	notes []string
}

// pinKey is where the first workspace of a client is remembered.
func pinKey(client string) string { return "client/" + client }

// identify asks whose token it is. Where the token may not ask, the
// configuration stands in.
func (e *Engine) identify(ctx context.Context) (workspace, error) {
	me, err := e.API.Me(ctx)
	w := workspace{ID: me.Workspace, Zone: me.Timezone, Created: unix(me.Created), now: unix(me.Date)}
	switch {
	case errors.Is(err, intercom.ErrForbidden):
		w = workspace{ID: e.Client.Workspace, Zone: e.Client.Timezone}
		w.notes = append(w.notes, "the token may not ask /me")
	case err != nil:
		return workspace{}, fmt.Errorf("client %s: %w", e.Client.Name, err)
	default:
		if err := intercom.CheckRegion(e.Client.Region, me); err != nil {
			return workspace{}, fmt.Errorf("client %s: %w", e.Client.Name, err)
		}
	}
	if w.now == 0 || w.now > time.Now().Add(24*time.Hour).Unix() {
		w.now = time.Now().Unix()
	}
	if w.ID == "" {
		w.ID = UnknownWorkspace
		w.notes = append(w.notes, "workspace unknown: set workspace in the configuration of client "+e.Client.Name)
	}
	if want := e.Client.Workspace; want != "" && want != w.ID {
		return workspace{}, &WorkspaceError{Client: e.Client.Name, Want: want, Got: w.ID, Configured: true}
	}
	w.setZone(e.Client.Timezone)
	return w, nil
}

// setZone finds the zone, or instead of it, or settles for UTC.
func (w *workspace) setZone(instead string) {
	w.zone = time.UTC
	if w.Zone == "" {
		w.Zone = instead
	}
	if w.Zone == "" {
		w.notes = append(w.notes, "time zone unknown: reading a day more on either side")
		return
	}
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		w.notes = append(w.notes, fmt.Sprintf("time zone %q unknown here: reading a day more on either side", w.Zone))
		return
	}
	w.zone, w.known = zone, true
}

// pin remembers the first workspace of a client, and refuses another.
func (e *Engine) pin(ctx context.Context, w workspace, replace bool) error {
	key := pinKey(e.Client.Name)
	value, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("save %s: %w", key, err)
	}
	record, err := e.Store.Get(ctx, key)
	if errors.Is(err, state.ErrNotFound) {
		_, err = e.Store.Create(ctx, key, value, time.Time{})
		if errors.Is(err, state.ErrExists) { // another subscription of the client was quicker
			return e.pin(ctx, w, replace)
		}
		return wrapf(err, "save %s", key)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", key, err)
	}
	var pinned workspace
	if err := json.Unmarshal(record.Value, &pinned); err != nil {
		return fmt.Errorf("load %s: %w", key, err)
	}
	if pinned.ID == w.ID && pinned.Zone == w.Zone {
		return nil
	}
	if pinned.ID != w.ID && pinned.ID != UnknownWorkspace && !replace {
		return &WorkspaceError{Client: e.Client.Name, Want: pinned.ID, Got: w.ID}
	}
	_, err = e.Store.Save(ctx, key, value, record.Revision, time.Time{})
	if errors.Is(err, state.ErrConflict) {
		return e.pin(ctx, w, replace)
	}
	return wrapf(err, "save %s", key)
}

// remembered is the workspace as of the last run, for who may not ask: UTC and
// unknown where there was none.
func (e *Engine) remembered(ctx context.Context) (workspace, error) {
	w := workspace{ID: e.Client.Workspace, now: time.Now().Unix()}
	record, err := e.Store.Get(ctx, pinKey(e.Client.Name))
	switch {
	case err == nil:
		if err := json.Unmarshal(record.Value, &w); err != nil {
			return w, fmt.Errorf("load %s: %w", record.Key, err)
		}
	case !errors.Is(err, state.ErrNotFound):
		return w, fmt.Errorf("load %s: %w", pinKey(e.Client.Name), err)
	}
	if w.ID == "" {
		w.ID = UnknownWorkspace
	}
	w.setZone(e.Client.Timezone)
	return w, nil
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
