package trigger

import (
	"errors"
	"fmt"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// A RunError is why a run failed, in one sentence that says what to do about it
// where that is known. It ends the invocation.
type RunError struct {
	Subscription string
	Text         string
	Err          error
}

func (e *RunError) Error() string { return e.Subscription + ": " + e.Text }

func (e *RunError) Unwrap() error { return e.Err }

// explain makes a sentence of why a run of a subscription failed.
func (h *Handler) explain(sub *config.Subscription, err error) *RunError {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	run := h.command("run", sub.Name)
	changed, isChanged := errors.AsType[*subscribe.ChangedError](err)
	other, isOther := errors.AsType[*subscribe.WorkspaceError](err)
	region, isRegion := errors.AsType[*intercom.RegionError](err)
	api, isAPI := errors.AsType[*intercom.APIError](err)
	switch {
	case errors.Is(err, intercom.ErrNoToken):
		text = fmt.Sprintf("client %s has no token yet: %s", h.client.Name, h.newToken())
	case errors.Is(err, intercom.ErrUnauthorized):
		text += ": " + h.newToken()
	case isChanged:
		text = fmt.Sprintf("its %s changed since its last run: `%s --reset` starts over, `%s --keep-watermark` goes on from where it was",
			strings.Join(changed.Parts, ", "), run, run)
	case isOther && !other.Configured && other.Got != subscribe.UnknownWorkspace:
		text = fmt.Sprintf("the token of client %s belongs to workspace %s, so far it was %s: `%s --replace-workspace` goes on with the new one",
			other.Client, other.Got, other.Want, run)
	case isRegion:
		text = fmt.Sprintf("the workspace of client %s lives in region %s, not %s: set region: %s in connector.yaml and deploy",
			h.client.Name, region.Actual, region.Configured, region.Actual)
	case isAPI && errors.Is(err, intercom.ErrForbidden) && api.Permission != "":
		text += fmt.Sprintf(": give the app the permission %q in Intercom's Developer Hub", api.Permission)
	}
	return &RunError{Subscription: sub.Name, Text: text, Err: err}
}

// newToken says how the client gets a token.
func (h *Handler) newToken() string {
	if h.client.Auth.Type == config.OAuth {
		return "`" + h.command("grant", h.client.Name) + "` connects it"
	}
	return "`" + h.command("token", h.client.Name) + "` stores one"
}

// command is a command line of the connector for this stack.
func (h *Handler) command(verb, name string) string {
	return fmt.Sprintf("connector %s %s --stack %s", verb, name, h.cfg.Stack)
}
