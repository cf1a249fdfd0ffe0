package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"intercom-connector/internal/pause"
	"intercom-connector/shared/intercom"
)

// A step is what follows from one attempt at a request. Whatever is not done,
// dead or paused leads to a further request or to another try.
type step string

// The steps.
const (
	stepDone   step = "done"   // Intercom has it
	stepAgain  step = "again"  // surely not applied: try again, whatever it is
	stepRepeat step = "repeat" // perhaps applied, and doing it twice does no harm: try again
	stepLost   step = "lost"   // perhaps applied, and must not be repeated: find out
	stepDead   step = "dead"   // refused for good
	stepPaused step = "paused" // nothing can be sent with this token

	stepConflict  step = "conflict"  // the contact exists: update it
	stepCompare   step = "compare"   // the contact exists, and may be the one that a lost attempt made
	stepMoved     step = "moved"     // the contact was merged into another: ask there
	stepAttribute step = "attribute" // a custom attribute does not exist: make or drop it
	stepAlready   step = "already"   // refused, perhaps because a lost attempt did it: look
)

// A situation is all that the next step depends on.
type situation struct {
	op         *intercom.Operation
	err        error  // of the attempt, nil for a success
	repeatable bool   // the request may be sent twice
	lost       bool   // an earlier attempt may have been applied
	young      bool   // it is about a contact that was made less than a minute ago
	upsert     bool   // a conflict is to be resolved by an update
	attributes string // what to do about an unknown attribute: "", create or drop
}

// A verdict is a step with what is known of Intercom's answer.
type verdict struct {
	step      step
	reason    string
	status    int
	code      string
	requestID string
	after     time.Duration // not before, 0 where nothing was told
	answered  bool          // Intercom itself has answered, so it is no longer at work on the request
	attribute string        // of stepAttribute
	contact   string        // the id of stepConflict, stepCompare and stepMoved
	archived  bool          // that contact is archived
	token     string        // of stepPaused: the version of the token that is to blame, "" for none
}

// How long to stay away where nothing is told.
const (
	jobPause      = time.Minute      // until an export has ended
	youngPause    = 3 * time.Second  // until a new contact is known everywhere
	firewallPause = 30 * time.Second // until somebody has opened the way
)

// decide is the one place that knows what an answer means for a message.
//
// What each status means is in Intercom's list of errors
// (https://developers.intercom.com/docs/references/rest-api/errors/error-codes);
// what it does not say is marked below as learnt.
func decide(s situation) verdict {
	if s.err == nil {
		return verdict{step: stepDone}
	}
	v := verdict{reason: plain(s.err)}
	if api, ok := errors.AsType[*intercom.APIError](s.err); ok {
		v.status, v.code, v.requestID, v.after = api.Status, api.Code, api.RequestID, api.RetryAfter
		v.answered = api.RequestID != "" || api.Code != ""
		return decideAnswer(s, v, api)
	}
	if odd, ok := errors.AsType[*intercom.AnswerError](s.err); ok {
		v.status, v.requestID = odd.Status, odd.RequestID
		if errors.Is(s.err, intercom.ErrEmptyBody) && s.op.Kind != intercom.Read {
			return verdict{step: stepDone, status: odd.Status, requestID: odd.RequestID} // any 2xx to a write is a success
		}
		// A page instead of JSON: something on the way has answered, and whether
		// the request came through it is not known.
		return s.perhaps(v)
	}
	if _, ok := errors.AsType[*intercom.BodyTooLargeError](s.err); ok {
		// Only the answers of successes are read so far.
		return verdict{step: stepDone, reason: "the answer is too large to be kept"}
	}
	if lost, ok := errors.AsType[*intercom.TransportError](s.err); ok {
		if lost.Sent {
			return s.perhaps(v)
		}
		v.step = stepAgain
		return v
	}
	_, param := errors.AsType[*intercom.ParamError](s.err)
	_, payload := errors.AsType[*intercom.PayloadError](s.err)
	_, redirect := errors.AsType[*intercom.RedirectError](s.err)
	if param || payload || redirect {
		v.step = stepDead
		return v
	}
	if errors.Is(s.err, intercom.ErrNoToken) {
		v.step, v.token = stepPaused, pause.NoToken
		return v
	}
	// What is left happened before anything was sent: no token could be had, or
	// the wait for the rate limit was cut short.
	v.step = stepAgain
	return v
}

// perhaps is an attempt of which nobody knows whether it was applied.
func (s situation) perhaps(v verdict) verdict {
	v.step = stepLost
	if s.repeatable {
		v.step = stepRepeat
	}
	return v
}

// decideAnswer is decide for an answer outside 2xx.
func decideAnswer(s situation, v verdict, api *intercom.APIError) verdict {
	switch api.Status {
	case http.StatusTooManyRequests:
		return decideLimit(s, v)
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusLocked:
		// 402 and 423 are not documented; singer-io/tap-intercom has met them.
		v.step, v.token = stepPaused, api.TokenVersion
		return v
	case http.StatusForbidden:
		v.step = stepDead
		if api.Firewall || api.Allowlist {
			v.step, v.after = stepAgain, max(v.after, firewallPause)
		}
		return v
	case http.StatusRequestTimeout:
		return s.perhaps(v)
	case http.StatusNotImplemented:
		v.step = stepDead
		return v
	case http.StatusGone:
		if v.contact = api.MergedInto(); v.contact != "" {
			v.step = stepMoved
			return v
		}
	}
	if api.Status >= http.StatusInternalServerError {
		return s.perhaps(v)
	}
	return decideRefusal(s, v, api)
}

// decideLimit tells the limit of requests, which the Governor waits out, from
// that of export jobs, which only the end of a job lifts.
func decideLimit(s situation, v verdict) verdict {
	v.step = stepAgain
	if limited, ok := errors.AsType[*intercom.RateLimitError](s.err); ok {
		v.after = limited.RetryAfter
		if v.after == 0 && s.op.Kind == intercom.Job {
			v.after = jobPause
		}
	}
	return v
}

// decideRefusal is decide for a 4xx that is about this request alone.
func decideRefusal(s situation, v verdict, api *intercom.APIError) verdict {
	v.step = stepDead
	switch {
	case api.Status == http.StatusConflict && isCreateContact(s.op):
		v.contact, v.archived = existing(api.Message)
		switch {
		case v.contact == "" && s.upsert && api.Code == "":
			v.step = stepAgain // the refusal was cut off before it said which contact
		case v.contact == "":
		case s.upsert:
			v.step = stepConflict
		case s.lost:
			v.step = stepCompare
		}
	case api.Status == http.StatusNotFound && s.young:
		v.step, v.after = stepAgain, max(v.after, youngPause)
	case api.Status == http.StatusNotFound && s.lost && s.op.Method == http.MethodDelete:
		v.step, v.reason = stepDone, ""
	case s.lost && (isArchive(s.op) || isUnarchive(s.op)):
		v.step = stepAlready
	case api.Status == http.StatusBadRequest || api.Status == http.StatusUnprocessableEntity:
		v.attribute = unknownAttribute(api)
		switch {
		case v.attribute == "":
		case s.attributes != "":
			v.step = stepAttribute
		default:
			v.reason = fmt.Sprintf("unknown custom attribute %q: make it in Intercom's settings, or set unknown_attributes; %s", v.attribute, v.reason)
		}
	}
	return v
}

// existing reads from a conflict which contact exists. Learnt: "A contact
// matching those details already exists with id=…", and the same of "An
// archived contact"; a search would not find it yet
// (https://github.com/intercom/intercom-php/issues/344).
func existing(message string) (id string, archived bool) {
	m := existingID().FindStringSubmatch(message)
	if m == nil {
		return "", false
	}
	return m[1], strings.Contains(strings.ToLower(message), "archived")
}

var existingID = lazily("(?i)\\bid ?= ?['\"`]?([A-Za-z0-9][A-Za-z0-9_.:-]*[A-Za-z0-9])")

// unknownAttribute reads which custom attribute does not exist, "" for another
// error. Learnt: "Custom attribute 'x' does not exist" and its likes
// (https://github.com/intercom/intercom-node/issues/349).
func unknownAttribute(api *intercom.APIError) string {
	if m := attributeMessage().FindStringSubmatch(api.Message); m != nil {
		return m[1]
	}
	return ""
}

var attributeMessage = lazily("(?i)\\battributes?(?: named)?:? ?['\"`‘“«](.+?)['\"`’”»] (?:does not|doesn['’]t) exist")

// plain is an error in one line, without the name of the package it is from.
func plain(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "the time is over"
	case errors.Is(err, context.Canceled):
		return "stopped"
	}
	return strings.TrimPrefix(err.Error(), "intercom: ")
}

// unknownReason is how every unknown outcome begins.
func unknownReason(why string) string { return "unknown outcome: " + why }

func is(op *intercom.Operation, method, path string) bool {
	return op.Method == method && op.Path == path
}

func isCreateContact(op *intercom.Operation) bool { return is(op, http.MethodPost, "/contacts") }

func isArchive(op *intercom.Operation) bool {
	return is(op, http.MethodPost, "/contacts/{contact_id}/archive")
}

func isUnarchive(op *intercom.Operation) bool {
	return is(op, http.MethodPost, "/contacts/{contact_id}/unarchive")
}
