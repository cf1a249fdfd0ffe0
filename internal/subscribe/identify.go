package subscribe

import (
	"context"

	"intercom-connector/internal/config"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// Identify asks whose token a client has, and returns the workspace's id as
// runs know it: [UnknownWorkspace] where nobody can tell. A workspace that the
// configuration does not want, or that is not the one of the first token, is a
// [*WorkspaceError]. Whoever writes with the client asks, too, so that nothing
// that was read from one workspace is written into another by mistake. replace
// accepts another workspace than before.
func Identify(ctx context.Context, api *intercom.Client, client *config.Client, store state.Store, replace bool) (string, error) {
	e := &Engine{Config: Config{API: api, Client: client, Store: store}}
	w, err := e.identify(ctx)
	if err != nil {
		return "", err
	}
	if err := e.pin(ctx, w, replace); err != nil {
		return "", err
	}
	return w.ID, nil
}
