package subscribe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/pin"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// UnknownWorkspace stands for a workspace that could not be asked for its name.
const UnknownWorkspace = pin.Unknown

// A workspace is what is known of where the token lives.
type workspace struct {
	pin.Workspace

	zone  *time.Location // never nil
	known bool           // zone is the workspace's
	now   int64          // the server's clock when it was asked
	notes []string
}

// identify asks whose token it is. Where the token may not ask, the
// configuration stands in.
func (e *Engine) identify(ctx context.Context) (workspace, error) {
	me, err := e.API.Me(ctx)
	w := workspace{Workspace: pin.Workspace{ID: me.Workspace, Zone: me.Timezone, Created: unix(me.Created)}, now: unix(me.Date)}
	switch {
	case errors.Is(err, intercom.ErrForbidden):
		w = workspace{Workspace: pin.Workspace{ID: e.Client.Workspace, Zone: e.Client.Timezone}}
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
	err := pin.Set(ctx, e.Store, e.Client.Name, w.Workspace, replace)
	if other, ok := errors.AsType[*pin.Error](err); ok {
		return &WorkspaceError{Client: e.Client.Name, Want: other.Want, Got: other.Got}
	}
	return err
}

// remembered is the workspace as of the last run, for who may not ask: UTC and
// unknown where there was none.
func (e *Engine) remembered(ctx context.Context) (workspace, error) {
	w := workspace{Workspace: pin.Workspace{ID: e.Client.Workspace}, now: time.Now().Unix()}
	pinned, err := pin.Get(ctx, e.Store, e.Client.Name)
	switch {
	case err == nil:
		w.Workspace = pinned
	case !errors.Is(err, state.ErrNotFound):
		return w, err
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
