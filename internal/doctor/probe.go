package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// subscription finds out whether a subscription may read.
func (p *patient) subscription(ctx context.Context, sub *config.Subscription) finding {
	op := operationOf(sub)
	request, why := p.ownRequest(ctx, sub, op)
	if request != nil {
		if err := p.permitted(ctx, request); err != nil {
			f := p.judge(err)
			if f.remedy == "" {
				f.remedy = fmt.Sprintf("look at subscription %s in %s, and at its request: `%s`", sub.Name, p.cfg.File, p.cfg.Command("plan", sub.Name))
			}
			return f
		}
		return fine("%s %s is permitted", request.Operation.Method, request.Operation.Path)
	}
	instead := standIn(op, filled(sub.Path), time.Now())
	if instead == nil {
		return skipped("not probed: %s", why)
	}
	err := p.permitted(ctx, instead)
	switch {
	case lacksScope(err) && !samePermission(op, instead.Operation):
		// What stands in is only a neighbour: the two may need different permissions.
		return skipped("not probed: %s, and %s, which is next to it, is not permitted either", why, named(instead.Operation))
	case err != nil:
		return p.judge(err)
	default:
		return fine("%s is permitted%s; the request itself is not probed: %s", named(instead.Operation), byPermission(op, instead.Operation), why)
	}
}

// operationOf is what a subscription sends, which for an incremental one may be
// another operation than its entity names.
func operationOf(sub *config.Subscription) *intercom.Operation {
	if sub.Sync == config.Incremental {
		if how, err := intercom.FindIncremental(sub.Entity, len(sub.Path)); err == nil {
			return how.Operation
		}
	}
	return sub.Operation
}

// ownRequest is the first request of a subscription, for one record, or why it
// is not to be sent.
func (p *patient) ownRequest(ctx context.Context, sub *config.Subscription, op *intercom.Operation) (request *intercom.Request, why string) {
	switch {
	case op.SideEffect != "":
		return nil, "reading it is not without effect (" + strings.TrimSuffix(op.SideEffect, ".") + ")"
	case op.Paging == intercom.Scroll:
		return nil, "a workspace has one scroll only, and a run may be in the middle of it"
	case op.Answer != intercom.JSON:
		return nil, "it is a download"
	case op.Kind != intercom.Read:
		return nil, "it changes the workspace"
	}
	if missing := unfilled(op, filled(sub.Path)); len(missing) > 0 && sub.RequestTransform == "" {
		return nil, "it needs " + strings.Join(missing, " and ")
	}
	engine, err := subscribe.New(subscribe.Config{
		Subscription: sub, Client: p.client, API: p.api, Store: &memstate.Store{}, Owner: "doctor",
	})
	if err != nil {
		return nil, "its request cannot be made: " + cause(err)
	}
	requests, err := engine.Requests(ctx, subscribe.Options{})
	if err != nil || len(requests) == 0 || !complete(requests[0]) {
		if missing := unfilled(op, filled(sub.Path)); len(missing) > 0 {
			return nil, "without input its request_transform gives no " + strings.Join(missing, " and ")
		}
		return nil, "without input its request_transform makes no request"
	}
	one, err := single(requests[0])
	if err == nil {
		_, err = p.api.Wire(one)
	}
	if err != nil {
		return nil, "its request cannot be made: " + cause(err)
	}
	return one, ""
}

// complete reports whether a request has all that its path needs.
func complete(r *intercom.Request) bool {
	for _, name := range r.Operation.Params() {
		if r.Path[name] == "" {
			return false
		}
	}
	return true
}

// single asks for one record, where the API knows how to ask for so many.
func single(r *intercom.Request) (*intercom.Request, error) {
	return intercom.Pager{}.Request(r, min(1, r.Operation.PerPage))
}

// publisher finds out as much as can be found out without writing.
func (p *patient) publisher(ctx context.Context, pub *config.Publisher) finding {
	op := pub.Operation
	if op.Kind == intercom.Read {
		return fine("%s reads only", named(op))
	}
	untested := "whether it may write is not tested, because that would write"
	instead := standIn(op, filled(pub.Path), time.Now())
	if instead == nil {
		return skipped("not probed: %s; %s", p.noStandIn(op), needs(op, untested))
	}
	err := p.permitted(ctx, instead)
	switch {
	case err == nil && samePermission(op, instead.Operation):
		return fine("%s, which needs the same permission, is permitted; writing itself is not tested, because that would write", named(instead.Operation))
	case err == nil:
		return fine("%s is permitted; %s", named(instead.Operation), needs(op, untested))
	case lacksScope(err) && !samePermission(op, instead.Operation):
		// A permission to write does not include that to read.
		f := p.judge(err)
		f.result = Warn
		f.detail += "; " + needs(op, untested)
		if op.Permission != "" {
			f.remedy = p.permit(fmt.Sprintf("the permission %q, if it has not", op.Permission))
		}
		return f
	default:
		return p.judge(err)
	}
}

// noStandIn says why nothing can be asked for a write.
func (p *patient) noStandIn(op *intercom.Operation) string {
	if missing := nearest(op); len(missing) > 0 {
		return "a read that belongs to it needs " + strings.Join(missing, " and ")
	}
	return "no read belongs to " + named(op)
}

// needs adds which permission that is about.
func needs(op *intercom.Operation, text string) string {
	if op.Permission == "" {
		return text
	}
	return fmt.Sprintf("%s (it needs the permission %q)", text, op.Permission)
}

// lacksScope reports whether it is a permission that is missing.
func lacksScope(err error) bool {
	return errors.Is(err, intercom.ErrForbidden) && !errors.Is(err, intercom.ErrPlan)
}

// samePermission reports whether two operations are known to need the same.
func samePermission(a, b *intercom.Operation) bool {
	return a.Permission != "" && a.Permission == b.Permission
}

// byPermission says what two operations have in common.
func byPermission(op, instead *intercom.Operation) string {
	if !samePermission(op, instead) {
		return ""
	}
	return fmt.Sprintf(" (it needs the same permission, %q)", op.Permission)
}

// named is an operation as people read it.
func named(op *intercom.Operation) string { return op.Method + " " + op.Path }

// filled are the parameters of a path that the configuration has a value for.
func filled(path map[string]*string) map[string]string {
	values := map[string]string{}
	for name, value := range path {
		if value != nil && *value != "" {
			values[name] = *value
		}
	}
	return values
}

// unfilled are the parameters of an operation's path without a value.
func unfilled(op *intercom.Operation, path map[string]string) []string {
	var missing []string
	for _, name := range op.Params() {
		if path[name] == "" {
			missing = append(missing, name)
		}
	}
	return missing
}
