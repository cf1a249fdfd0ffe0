package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"intercom-connector/shared/intercom"
)

// The operations that this package uses by itself.
var (
	showContact      = sync.OnceValue(func() *intercom.Operation { return operation("GET", "contacts/{contact_id}") })
	updateContact    = sync.OnceValue(func() *intercom.Operation { return operation("PUT", "contacts/{contact_id}") })
	unarchiveContact = sync.OnceValue(func() *intercom.Operation { return operation("POST", "contacts/{contact_id}/unarchive") })
	createAttribute  = sync.OnceValue(func() *intercom.Operation { return operation("POST", "data_attributes") })
)

// upsert updates the contact that a creation found to exist. Looking it up is
// no use, because a search sees a new contact minutes late: the refusal says
// its id. Whoever else creates the same contact at the same time ends here too,
// so that there is one contact, with the values of the last.
func (c *course) upsert(ctx context.Context, v verdict) (r Result, again bool) {
	if c.conflicts++; c.conflicts > maxConflicts {
		// It is deleted and made again faster than we can follow.
		v.step = stepAgain
		return c.conclude(ctx, v), false
	}
	id, payload := v.contact, c.request.Payload
	if v.archived {
		if _, err := c.call(ctx, unarchiveContact(), map[string]string{"contact_id": id}, nil, nil); err != nil {
			next := decide(situation{op: unarchiveContact(), err: err, repeatable: true})
			if next.step != stepDead {
				return c.conclude(ctx, next), false
			}
			// Somebody else may have unarchived it: the update will tell.
		}
	}
	for hops := 0; ; {
		resp, err := c.call(ctx, updateContact(), map[string]string{"contact_id": id}, c.request.Query, payload)
		next := decide(situation{
			op: updateContact(), err: err, repeatable: true,
			attributes: c.p.Publisher.UnknownAttributes,
		})
		switch {
		case next.step == stepDone:
			return c.finish(ctx, next, resp), false
		case next.step == stepMoved && hops < maxHops:
			hops++
			id = next.contact
		case next.step == stepAttribute:
			if r, again := c.mendAttribute(ctx, next, updateContact(), &payload); !again {
				return r, false
			}
		case next.step == stepDead && next.status == http.StatusNotFound:
			return Result{}, true // it is gone again, or archived: from the beginning
		case next.step == stepDead && next.status == http.StatusConflict:
			next.reason = "the details belong to more than one contact, one of them id=" + id + "; " + next.reason
			return c.conclude(ctx, next), false
		default:
			return c.conclude(ctx, next), false
		}
	}
}

// redirect sends the request to the contact that its own was merged into. What
// would remove that contact is not sent: the message named another one.
func (c *course) redirect(v verdict) (r Result, again bool) {
	op := c.request.Operation
	merged := "the contact was merged into id=" + v.contact
	params := op.Params()
	switch {
	case !strings.HasPrefix(op.Path, "/contacts/{") || len(params) == 0:
		v.reason = merged + ": name that one; " + v.reason
	case is(op, http.MethodDelete, "/contacts/{contact_id}"), isArchive(op), is(op, http.MethodPost, "/contacts/{contact_id}/block"):
		v.reason = merged + ", which is not the one to be removed or blocked unless a message says so; " + v.reason
	case c.hops == maxHops:
		v.reason = fmt.Sprintf("merged more than %d times; %s", maxHops, v.reason)
	default:
		c.hops++
		c.request.Path = maps.Clone(c.request.Path)
		c.request.Path[params[0]] = v.contact
		return Result{}, true
	}
	return v.result(Dead, 0), false
}

// compare looks at the contact that is in the way of a creation whose first
// answer was lost: it may be the one that we made.
func (c *course) compare(ctx context.Context, v verdict) Result {
	resp, err := c.call(ctx, showContact(), map[string]string{"contact_id": v.contact}, nil, nil)
	next := decide(situation{op: showContact(), err: err, repeatable: true})
	switch next.step {
	case stepDone:
	case stepDead:
		return v.result(Dead, 0)
	default:
		return c.conclude(ctx, next)
	}
	var contact, sent map[string]any
	if contact, err = object(resp.Body, "contact"); err == nil {
		sent, err = object(c.request.Payload, "payload")
	}
	if err != nil || !c.since(contact["created_at"]) && !covers(contact, sent) {
		return v.result(Dead, 0)
	}
	return c.finish(ctx, next, resp)
}

// covers reports whether everything that was sent is there.
func covers(there, sent map[string]any) bool {
	for key, value := range sent {
		if inner, ok := value.(map[string]any); ok {
			part, ok := there[key].(map[string]any)
			if !ok || !covers(part, inner) {
				return false
			}
			continue
		}
		if !sameScalar(there[key], value) {
			return false
		}
	}
	return true
}

// already looks whether a contact is archived, or not, as a lost attempt may
// have left it.
func (c *course) already(ctx context.Context, v verdict) Result {
	id := c.request.Path["contact_id"]
	resp, err := c.call(ctx, showContact(), map[string]string{"contact_id": id}, nil, nil)
	gone := errors.Is(err, intercom.ErrNotFound)
	next := decide(situation{op: showContact(), err: err, repeatable: true})
	if !gone && next.step != stepDone {
		if next.step == stepDead {
			next = v
		}
		return c.conclude(ctx, next)
	}
	var contact struct {
		Archived bool `json:"archived"`
	}
	if !gone && json.Unmarshal(resp.Body, &contact) != nil {
		return v.result(Dead, 0)
	}
	// An archived contact is not served to everybody: 404 is what is left of it.
	if isArchive(c.request.Operation) != (gone || contact.Archived) {
		return v.result(Dead, 0)
	}
	return c.finish(ctx, verdict{status: v.status, requestID: v.requestID}, resp)
}

// mendAttribute makes the custom attribute that is missing, or drops it from
// the payload, and asks for the request to be sent again.
func (c *course) mendAttribute(ctx context.Context, v verdict, op *intercom.Operation, payload *json.RawMessage) (r Result, again bool) {
	dead := func(why string) (Result, bool) {
		v.reason = fmt.Sprintf("unknown custom attribute %q: %s; %s", v.attribute, why, v.reason)
		return v.result(Dead, 0), false
	}
	if len(c.made) >= maxAttributes {
		return dead(fmt.Sprintf("%d others were unknown before", maxAttributes))
	}
	content, err := object(*payload, "payload")
	if err != nil {
		return dead("the payload cannot be read")
	}
	attributes, _ := content["custom_attributes"].(map[string]any)
	value, there := attributes[v.attribute]
	if !there {
		return dead("it is not among the custom_attributes of the message")
	}
	if c.made[v.attribute] {
		// It exists and is refused: too new to be known everywhere, or archived.
		const patience = 5
		if c.d.Tries >= patience {
			return dead("it exists, but is not accepted: it may be archived")
		}
		v.after = max(v.after, youngPause)
		return c.retry(v), false
	}
	if c.made == nil {
		c.made = map[string]bool{}
	}
	c.made[v.attribute] = true
	if c.p.Publisher.UnknownAttributes == "drop" {
		delete(attributes, v.attribute)
		if *payload, err = encode(content); err != nil {
			return dead("the payload cannot be written")
		}
		c.p.Log.WarnContext(ctx, "attribute dropped", "publisher", c.p.Publisher.Name, "attribute", v.attribute)
		return Result{}, true
	}
	return c.makeAttribute(ctx, v, op, value)
}

// makeAttribute creates a custom attribute with the type of a value. A date is
// a number to JSON, and is not guessed from it.
func (c *course) makeAttribute(ctx context.Context, v verdict, op *intercom.Operation, value any) (r Result, again bool) {
	model, kind := modelOf(op), typeOf(value)
	if model == "" || kind == "" {
		why := "its value does not tell its type"
		if model == "" {
			why = "only those of contacts and companies can be created"
		}
		v.reason = fmt.Sprintf("unknown custom attribute %q: %s; %s", v.attribute, why, v.reason)
		return v.result(Dead, 0), false
	}
	payload, err := encode(map[string]string{"name": v.attribute, "model": model, "data_type": kind})
	if err != nil {
		return c.retry(verdict{reason: err.Error()}), false
	}
	_, err = c.call(ctx, createAttribute(), nil, nil, payload)
	next := decide(situation{op: createAttribute(), err: err, repeatable: true})
	switch {
	case next.step == stepDone:
		c.p.Log.InfoContext(ctx, "attribute created", "publisher", c.p.Publisher.Name, "attribute", v.attribute, "model", model, "type", kind)
		return Result{}, true
	case next.step == stepDead && alreadyHave(err):
		return Result{}, true // another worker was faster
	case next.step == stepDead:
		next.reason = fmt.Sprintf("unknown custom attribute %q, which cannot be created: %s", v.attribute, next.reason)
	}
	return c.conclude(ctx, next), false
}

// alreadyHave recognises the refusal of an attribute that exists: "You already
// have 'x' in your company data."
// (https://developers.intercom.com/docs/references/2.16/rest-api/api.intercom.io/data-attributes/createdataattribute).
func alreadyHave(err error) bool {
	api, ok := errors.AsType[*intercom.APIError](err)
	return ok && (api.Status == http.StatusConflict || strings.Contains(strings.ToLower(api.Message), "already have"))
}

// modelOf is what an operation's custom attributes belong to.
func modelOf(op *intercom.Operation) string {
	switch first, _, _ := strings.Cut(op.Entity(), "/"); first {
	case "contacts":
		return "contact"
	case "companies":
		return "company"
	default:
		return ""
	}
}

// typeOf is the data type of a value, "" for one that tells none.
func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "integer"
	default:
		return ""
	}
}

// fields returns the keys of an object in order.
func fields(o map[string]any) []string { return slices.Sorted(maps.Keys(o)) }
