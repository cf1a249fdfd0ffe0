package grant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"intercom-connector/internal/config"
	"intercom-connector/internal/pin"
	"intercom-connector/shared/intercom"
)

// meTime bounds how long Intercom is asked whose token it is.
const meTime = 9 * time.Second

// grant does what is to be done once the state is spent. Where it returns a
// problem, no token was stored.
func (h *Handler) grant(ctx context.Context, t *ticket, q query) (Result, *problem) {
	client := h.oauth(t.Client)
	if q.why != "" {
		return Result{}, refused.with(errors.New("Intercom says " + q.why))
	}
	app, err := h.cfg.Vault.App(ctx, client.Name)
	if errors.Is(err, ErrNoApp) {
		return Result{}, noApp.with(err)
	}
	if err != nil {
		return Result{}, broken.with(err)
	}
	value, err := h.exchange(ctx, client, app, t.Redirect, q.code)
	if errors.Is(err, intercom.ErrUnauthorized) || isStatus(err, http.StatusBadRequest) {
		return Result{}, codeRefused.with(err)
	}
	if err != nil {
		return Result{}, exchangeFailed.with(err)
	}
	me, p := h.identify(ctx, client, value)
	if p != nil {
		return Result{}, p
	}
	if p := h.enforce(ctx, client, me, t.Replace); p != nil {
		return Result{}, p
	}
	result := Result{
		Granted: true, Client: client.Name, Workspace: me.Workspace, WorkspaceName: me.WorkspaceName,
		Region: me.Region, Timezone: me.Timezone, Admin: me.Name,
	}
	note, p := h.store(ctx, client, Token{
		Value: value, Workspace: me.Workspace, WorkspaceName: me.WorkspaceName,
		Region: me.Region, Timezone: me.Timezone, GrantedAt: time.Now().UTC(),
	})
	result.Note = note
	return result, p
}

// store stores the token and lets the publishers go on. A failure of the latter
// does not undo the former: note tells of it.
func (h *Handler) store(ctx context.Context, client *config.Client, token Token) (note string, p *problem) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	version, err := h.cfg.Vault.PutToken(ctx, client.Name, token)
	if err != nil {
		return "", notStored.with(err)
	}
	if err := h.cfg.Publishers.Resume(ctx, client.Name, version); err != nil {
		h.cfg.Log.ErrorContext(ctx, "publishers not resumed", "client", client.Name, "err", err)
		return "Its publishers could not be resumed: the command “connector resume” does it.", nil
	}
	return "", nil
}

// api makes the client that asks /me.
func (h *Handler) api(client *config.Client, token string) (*intercom.Client, error) {
	return intercom.New(intercom.Config{
		Name:      client.Name,
		BaseURL:   client.BaseURL,
		Version:   client.Version,
		Token:     intercom.StaticToken(token),
		Transport: h.cfg.Transport,
		Timeout:   meTime,
		MaxBody:   1 << 20,
		MaxWait:   meTime,
		UserAgent: h.cfg.UserAgent,
		Log:       h.cfg.RequestLog,
		LogMode:   intercom.LogMode(client.LogRequests),
	})
}

// identify asks whose token it is, and refuses one that cannot be used with
// the client.
func (h *Handler) identify(ctx context.Context, client *config.Client, token string) (intercom.Me, *problem) {
	api, err := h.api(client, token)
	if err != nil {
		return intercom.Me{}, broken.with(err)
	}
	defer api.Close()
	ctx, cancel := context.WithTimeout(ctx, meTime)
	defer cancel()
	me, err := api.Me(ctx)
	switch {
	case errors.Is(err, intercom.ErrForbidden), errors.Is(err, intercom.ErrAllowlist), errors.Is(err, intercom.ErrFirewall):
		return me, meForbidden.with(err)
	case err != nil:
		return me, meFailed.with(err)
	case !workspaceID().MatchString(me.Workspace):
		return me, meFailed.with(errors.New("/me names no workspace"))
	}
	me.WorkspaceName, me.Name, me.Timezone = label(me.WorkspaceName), label(me.Name), label(me.Timezone)
	if other, ok := errors.AsType[*intercom.RegionError](intercom.CheckRegion(client.Region, me)); ok {
		return me, wrongRegion.saying(
			fmt.Sprintf("The workspace lives in region %s, and client %s is configured for region %s.%s", other.Actual, client.Name, other.Configured, nothing),
			fmt.Sprintf("Set “region: %s” for the client in connector.yaml, deploy where there is a stack, and ask for a new link.", other.Actual),
		).with(other)
	}
	return me, nil
}

// enforce lets a client have one workspace only: the configured one, else that
// of its first token.
func (h *Handler) enforce(ctx context.Context, client *config.Client, me intercom.Me, replace bool) *problem {
	refuse := func(want, remedy string) *problem {
		return wrongWorkspace.saying(
			fmt.Sprintf("Client %s belongs to workspace %s, and access was granted to workspace %s.%s", client.Name, want, me.Workspace, nothing), remedy,
		).with(fmt.Errorf("workspace %s, want %s", me.Workspace, want))
	}
	if want := client.Workspace; want != "" && want != me.Workspace {
		return refuse(want, "Ask for a new link and choose the other workspace in Intercom, or change “workspace” in connector.yaml.")
	}
	err := pin.Set(ctx, h.cfg.Store, client.Name, pin.Workspace{ID: me.Workspace, Zone: me.Timezone, Created: unix(me.Created)}, replace)
	if other, ok := errors.AsType[*pin.Error](err); ok {
		return refuse(other.Want, "Ask for a new link and choose the other workspace in Intercom. If the client is to move, “connector grant --replace-workspace” makes a link that does it.")
	}
	if err != nil {
		return broken.with(err)
	}
	return nil
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func isStatus(err error, status int) bool {
	api, ok := errors.AsType[*intercom.APIError](err)
	return ok && api.Status == status
}

// label makes one short line of a name that somebody has chosen.
func label(name string) string {
	const most = 120
	runes := []rune(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }), " "))
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	return string(runes)
}
