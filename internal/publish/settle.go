package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/shared/intercom"
)

// How long after a request its absence begins to mean something.
const (
	// quietAnswered is for a request that Intercom itself has answered with an
	// error: it is no longer at work on it.
	quietAnswered = 10 * time.Second
	// quietLost is for one whose answer was lost on the way: longer than the
	// client waits for an answer, and than gateways do.
	quietLost = 90 * time.Second
	// indexLag is how long a search may not show what exists: new contacts take
	// "minutes" (https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts).
	indexLag = 2 * time.Minute
)

// settle finds out what became of a request that must not be repeated and whose
// answer nobody has: it is looked for where it would be. What is found is done.
// What is not found is sent again only where the place to look shows everything
// at once, and after Intercom has surely stopped working on it. All else stays
// unknown, and is never sent again.
func (c *course) settle(ctx context.Context) Result {
	c.unsettled = true
	look := lookFor(c.request.Operation, c.request.Payload)
	if look == nil {
		return c.doubt(ctx, "what such a request did cannot be looked up")
	}
	asked := time.Now() // what comes to Intercom after the look is not in it
	found, err := look(ctx, c)
	if err != nil {
		return c.blind(ctx, err)
	}
	twins, sure := c.twins(ctx)
	quiet := quietLost
	if c.claim.Answered {
		quiet = quietAnswered
	}
	if !found.complete {
		quiet = indexLag
	}
	left := quiet - asked.Sub(c.claim.Sent)
	switch {
	case len(found.items) > 0 && sure && len(found.items) >= twins:
		c.unsettled = false
		return c.accomplish(ctx, Result{Outcome: Done, Answer: found.items[0]})
	case left > 0:
		return c.later(left)
	case len(found.items) > 0:
		return c.doubt(ctx, "others have sent the same to the same place, and not all of it is there")
	case !found.complete:
		return c.doubt(ctx, "it was not found, which proves nothing")
	case c.claim.Losses >= maxLosses:
		return c.doubt(ctx, fmt.Sprintf("it is still not there after %d attempts", c.claim.Losses))
	}
	c.unsettled = false
	return c.attempts(ctx)
}

// later is another look later. The claim is nobody's meanwhile.
func (c *course) later(after time.Duration) Result {
	return Result{
		Outcome: Retry, Reason: "the answer was lost: looking for it again later", After: after,
		Status: c.claim.Status, Code: c.claim.Code, RequestID: c.claim.RequestID,
	}
}

// blind is a look that failed.
func (c *course) blind(ctx context.Context, err error) Result {
	if why, ok := errors.AsType[obscure](err); ok {
		return c.doubt(ctx, string(why))
	}
	v := decide(situation{op: showContact(), err: err, repeatable: true})
	if v.step == stepDead {
		return c.doubt(ctx, "it cannot be looked up: "+v.reason)
	}
	return c.conclude(ctx, v)
}

// doubt gives up finding out. The record says so before anybody else does.
func (c *course) doubt(ctx context.Context, why string) Result {
	cause := "its answer was lost"
	if c.claim.Status != 0 {
		cause = fmt.Sprintf("its answer was lost (%d %s)", c.claim.Status, c.claim.Code)
	}
	reason := unknownReason(cause + ", and " + why)
	if err := c.claim.doubt(ctx, reason); err != nil {
		return c.wait(err.Error(), claimed)
	}
	c.unsettled = false
	return Result{Outcome: Unknown, Reason: reason, Status: c.claim.Status, Code: c.claim.Code, RequestID: c.claim.RequestID}
}

// A finding is what a look has brought to light.
type finding struct {
	items    []json.RawMessage // those that may be what was sent
	complete bool              // everything that exists was seen: an absence means something
}

// An obscure finding is one in which nothing can be recognised. The text says why.
type obscure string

func (e obscure) Error() string { return string(e) }

// A lookup looks for what a request made.
type lookup func(ctx context.Context, c *course) (finding, error)

// lookFor returns the lookup of an operation, nil where there is none.
//
// Reading a conversation, a ticket or the notes of a contact or company is
// taken to see at once what was written to it, because it reads the object
// itself; a search reads an index, and is not.
func lookFor(op *intercom.Operation, payload json.RawMessage) lookup {
	switch op.Method + " " + op.Path {
	case "POST /conversations/{conversation_id}/reply", "POST /conversations/{conversation_id}/parts":
		return lookForPart("GET", "conversations/{conversation_id}", "conversation_parts")
	case "POST /tickets/{ticket_id}/reply":
		return lookForPart("GET", "tickets/{ticket_id}", "ticket_parts")
	case "POST /contacts/{contact_id}/notes":
		return lookForNote("contacts/{contact_id}/notes")
	case "POST /companies/{company_id}/notes":
		return lookForNote("companies/{company_id}/notes")
	case "POST /tickets":
		return lookForTicket
	case "POST /conversations":
		return lookForConversation
	case "POST /messages":
		// Without this, a message is in no conversation until its reader answers:
		// https://developers.intercom.com/docs/references/2.16/rest-api/api.intercom.io/messages/createmessage.
		if sent, err := object(payload, "payload"); err == nil && sent["create_conversation_without_contact_reply"] == true {
			return lookForConversation
		}
	case "POST /contacts":
		return lookForContact
	}
	return nil
}
