// Package publish writes messages to Intercom and says what became of each:
// message -> request -> outcome. A laptop and a Lambda function run the same
// [Publisher] on different plugs. It leaves to others where deliveries come
// from and where dead letters and answers are kept.
//
// # Ways in
//
// [Publisher.Batch] takes what a queue hands over, as far as the time allows;
// [Publisher.Stream] takes a file of any length and waits for what has to be
// tried again; [Publisher.Plan] and [Publisher.Wire] show the request and send
// nothing.
//
// # From a delivery to a result
//
// A delivery is read into a message (message.go, merge.go). A course takes a
// message through its attempts (course.go). What an answer means is decided in
// one place (decide.go). What must not be repeated is claimed in the state
// store first (claim.go), and looked for when its answer is lost (settle.go,
// lookup.go, twins.go). What Intercom wants done about a refusal is in
// resolve.go. A result is made safe before it is reported (publisher.go).
//
// # What is remembered
//
// In the [state.Store]: sent/… for each message whose request must not be
// repeated, by the hash of its id, for 45 days; same/… for a day, who has sent
// an equal request; fresh/… for a minute, the contacts that were made;
// paused/… the clients that cannot send.
//
// Intercom has no idempotency keys, and everything here follows from that:
// https://developers.intercom.com/docs/references/2.16/rest-api/api.intercom.io.
package publish

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// An Outcome is what became of a message. There are no others.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"    // Intercom has it, and it is remembered
	Retry   Outcome = "retry"   // not applied, as far as can be told, and worth another try after Result.After
	Dead    Outcome = "dead"    // no retry mends it
	Unknown Outcome = "unknown" // sent, not answered, and nobody can tell: never sent again
	Paused  Outcome = "paused"  // nothing is wrong with the message, but nothing can be sent; not counted as tried
)

// A Delivery is a message as a queue or a file handed it over.
type Delivery struct {
	Body  []byte
	ID    string    // of the transport, where the message has none of its own: SQS's MessageId, a file's digest and line
	Group string    // of the transport: SQS's MessageGroupId; "" for a group of its own
	Sent  time.Time // when it was, for give_up_after
	Line  int       // in a file, from 1; 0 elsewhere
	Tries int       // how often it was handed over before

	// What a queue knows besides, for the log and for dead letters.
	MessageID string // the queue's own, which ID need not be: SQS's MessageId
	Claim     string // where the body lies, if it was too large for the queue
	Trace     string // the run that sent it

	// Problem is why the message can never be sent, where whoever handed it over
	// knows already; "" for nothing.
	Problem string
}

// A Result says what became of a delivery.
type Result struct {
	ID        string          `json:"id"` // the idempotency key: the transform's, the message's or the transport's
	Group     string          `json:"group,omitempty"`
	Line      int             `json:"line,omitempty"`
	Outcome   Outcome         `json:"outcome"`
	Reason    string          `json:"reason,omitempty"` // one line a person can act on; of every outcome but done
	Status    int             `json:"status,omitempty"` // of Intercom's last answer, 0 for none
	Code      string          `json:"code,omitempty"`   // Intercom's error code
	RequestID string          `json:"request_id,omitempty"`
	Answer    json.RawMessage `json:"answer,omitempty"`    // what Intercom answered, of done
	Duplicate bool            `json:"duplicate,omitempty"` // done before: the stored answer, nothing was sent
	Requests  int             `json:"requests,omitempty"`  // sent for it this time
	After     time.Duration   `json:"after_ns,omitempty"`  // of retry and paused: not before
}

// A Responder takes what Intercom answered; when it returns nil the answer is safe.
type Responder interface {
	Respond(ctx context.Context, r Result) error
}

// A DeadLetter is a message that cannot be published, with the reason.
type DeadLetter struct {
	Publisher string    `json:"publisher"`
	ID        string    `json:"id"`
	Group     string    `json:"group,omitempty"`
	Body      []byte    `json:"body"` // as it was delivered
	Reason    string    `json:"reason"`
	Outcome   Outcome   `json:"outcome"` // dead or unknown
	Status    int       `json:"status,omitempty"`
	Code      string    `json:"code,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	Line      int       `json:"line,omitempty"`
	Time      time.Time `json:"time"`

	Delivery Delivery `json:"-"` // the one that is dead, for whoever keeps letters in a queue
}

// DeadLetters keeps dead letters; when Put returns nil the letter is safe.
type DeadLetters interface {
	Put(ctx context.Context, letter DeadLetter) error
}

// A Config is what a publisher is made of.
type Config struct {
	Publisher   *config.Publisher
	Client      *config.Client
	API         *intercom.Client
	Workspace   string // whose idempotency records they are
	Store       state.Store
	Responses   Responder // nil: nobody waits for answers
	DeadLetters DeadLetters
	// Owner names this worker in a claim; default: a random name. A worker that
	// takes up the name of one that has died goes on at once with what that one
	// had claimed, so no two that live may share it.
	Owner  string
	Log    *slog.Logger   // default: none
	Random func() float64 // in [0,1), for backoff; default: math/rand
}
