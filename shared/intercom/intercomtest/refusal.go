package intercomtest

import "net/http"

// A refusal is how every request is answered until [Workspace.Restore].
type refusal struct {
	status        int
	code, message string
}

// Revoke makes every request from now on a 401 with the code token_revoked, as
// after the app was uninstalled.
func (ws *Workspace) Revoke() {
	ws.refuse(&refusal{http.StatusUnauthorized, "token_revoked", "Access Token Revoked"})
}

// Lock makes every request from now on a 423, as for a workspace that is locked.
func (ws *Workspace) Lock() {
	ws.refuse(&refusal{http.StatusLocked, "forbidden", "The workspace is locked"})
}

// Unpay makes every request from now on a 402, as for a workspace that has not
// been paid for.
func (ws *Workspace) Unpay() {
	ws.refuse(&refusal{http.StatusPaymentRequired, "api_plan_restricted", "Active subscription needed"})
}

// Restore undoes Revoke, Lock and Unpay.
func (ws *Workspace) Restore() { ws.refuse(nil) }

func (ws *Workspace) refuse(how *refusal) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.refusal = how
}

// refused answers a request that is refused like every other.
func (ws *Workspace) refused(a *Answer) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.refusal == nil {
		return false
	}
	a.Fail(ws.refusal.status, ws.refusal.code, ws.refusal.message)
	return true
}
