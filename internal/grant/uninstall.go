package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"intercom-connector/internal/pin"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// hintEvery is how often a hint can make us try a client's token.
const hintEvery = time.Minute

// uninstalled is what everybody is answered, whatever came of it: the request
// has no signature, and so learns nothing.
const uninstalled = "Thank you.\n"

// workspaceID is compiled when it is first used: most starts of the function
// never come here.
var workspaceID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) })

// uninstall takes Intercom's word that an app was removed from a workspace
// (https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/setting-up-oauth).
// Anybody can say so: only a token that is not accepted any more proves it.
func (h *Handler) uninstall(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodHead:
		h.pages.head(w)
		return
	default:
		w.Header().Set("Allow", "POST, HEAD")
		h.pages.problem(w, r, &wrongMethod)
		return
	}
	if id := readHint(r.Body); id != "" {
		h.followHint(ctx, id)
	}
	h.pages.text(w, r, uninstalled)
}

// readHint returns the workspace that a body names, "" for none.
func readHint(r io.Reader) string {
	body, err := io.ReadAll(io.LimitReader(r, maxHint+1))
	if err != nil || len(body) > maxHint {
		return ""
	}
	var hint struct {
		AppID string `json:"app_id"`
	}
	if json.Unmarshal(body, &hint) != nil || !workspaceID().MatchString(hint.AppID) {
		return ""
	}
	return hint.AppID
}

// followHint tries the tokens of the workspace's clients.
func (h *Handler) followHint(ctx context.Context, workspace string) {
	for _, name := range slices.Sorted(maps.Keys(h.cfg.Clients)) {
		if h.oauth(name) == nil {
			continue
		}
		if err := h.try(ctx, name, workspace); err != nil {
			h.cfg.Log.ErrorContext(ctx, "uninstall not checked", "client", name, "err", err)
		}
	}
}

// try looks whether a client that belongs to a workspace has lost its access.
func (h *Handler) try(ctx context.Context, client, workspace string) error {
	pinned, err := pin.Get(ctx, h.cfg.Store, client)
	if errors.Is(err, state.ErrNotFound) || err == nil && pinned.ID != workspace {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = h.cfg.Store.Create(ctx, "hint/"+client, []byte("{}"), time.Now().Add(hintEvery))
	if errors.Is(err, state.ErrExists) {
		h.cfg.Log.InfoContext(ctx, "uninstall passed over", "client", client)
		return nil
	}
	if err != nil {
		return fmt.Errorf("note the hint: %w", err)
	}
	token, err := h.cfg.Vault.Token(ctx, client)
	if errors.Is(err, ErrNoToken) {
		return nil
	}
	if err != nil {
		return err
	}
	api, err := h.api(h.cfg.Clients[client], token.Value)
	if err != nil {
		return err
	}
	defer api.Close()
	bounded, cancel := context.WithTimeout(ctx, meTime)
	defer cancel()
	_, err = api.Me(bounded)
	switch {
	case err == nil, errors.Is(err, intercom.ErrForbidden), errors.Is(err, intercom.ErrAllowlist), errors.Is(err, intercom.ErrFirewall):
		h.cfg.Log.InfoContext(ctx, "uninstall not confirmed", "client", client)
		return nil
	case !errors.Is(err, intercom.ErrUnauthorized):
		return err
	}
	h.cfg.Log.WarnContext(ctx, "access revoked", "client", client, "err", err)
	command := "connector grant " + client
	if h.cfg.Stack != "" {
		command += " --stack " + h.cfg.Stack
	}
	return h.cfg.Publishers.Revoked(ctx, client, token.Version, "the app was uninstalled from the workspace: `"+command+"` makes a link to grant access anew")
}
