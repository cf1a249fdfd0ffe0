package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"intercom-connector/internal/subscribe"
)

// A Trigger is what the function is invoked with.
type Trigger struct {
	Subscription string `json:"subscription,omitempty"`
	// Input is what request_transform sees as .input. A run that is gone on with
	// has it in its requests already.
	Input            json.RawMessage `json:"input,omitempty"`
	Reset            bool            `json:"reset,omitempty"`
	KeepWatermark    bool            `json:"keep_watermark,omitempty"`
	ReplaceWorkspace bool            `json:"replace_workspace,omitempty"`
	// Since and Until read a window again.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Force runs a subscription that is not enabled: who does that means it.
	Force bool `json:"force,omitempty"`
	// Continue goes on with a run that another invocation has stopped.
	Continue *subscribe.Handover `json:"continue,omitempty"`

	Watch bool `json:"watch,omitempty"`
}

// A RefusedError means that an event is none of the function's: a mistake of
// whoever sent it, which does not get better by sending it again.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "refused: " + e.Reason }

func refusef(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// Decode reads a trigger. The error is a [*RefusedError], which shows nothing of
// the event but the names of its keys.
func Decode(event []byte) (Trigger, error) {
	var t Trigger
	dec := json.NewDecoder(bytes.NewReader(event))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return Trigger{}, refusef("the event is no trigger: %s", problem(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Trigger{}, refusef("the event is no trigger: something follows the JSON object")
	}
	if string(t.Input) == "null" {
		t.Input = nil
	}
	if reason := t.check(); reason != "" {
		return Trigger{}, refusef("%s", reason)
	}
	return t, nil
}

// problem says what is wrong with the JSON, without its values.
func problem(err error) string {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return "it is a JSON " + kind.Value + ", not an object"
		}
		return kind.Field + " cannot be a JSON " + kind.Value
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "since and until are times such as 2026-01-02T03:04:05Z"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it is empty or cut"
	}
	return err.Error()
}

// check says what is wrong with a trigger by itself, "" for nothing.
func (t *Trigger) check() string {
	begins := len(t.Input) > 0 || t.Reset || t.KeepWatermark || t.ReplaceWorkspace
	window := !t.Since.IsZero() || !t.Until.IsZero()
	switch {
	case t.Watch && (t.Subscription != "" || begins || window || t.Force || t.Continue != nil):
		return "watch goes with nothing else"
	case t.Watch:
		return ""
	case t.Subscription == "":
		return `the event is no trigger: it has neither "subscription" nor "watch"`
	case t.Continue != nil && (t.Continue.Run == "" || t.Continue.Revision == ""):
		return "continue needs run and revision"
	case t.Continue != nil && begins:
		return "continue goes on with a run as it was begun: input, reset, keep_watermark and replace_workspace come too late"
	case t.Reset && t.KeepWatermark:
		return "reset and keep_watermark exclude each other"
	case window && t.Reset:
		return "reset starts over and since reads a window again: one or the other"
	case t.Since.IsZero() && !t.Until.IsZero():
		return "until goes with since"
	case !t.Until.IsZero() && !t.Until.After(t.Since):
		return "until is not after since"
	}
	return ""
}

// next is the trigger of the invocation that goes on.
func (t *Trigger) next(h *subscribe.Handover) Trigger {
	return Trigger{Subscription: t.Subscription, Since: t.Since, Until: t.Until, Force: t.Force, Continue: h}
}

// options are what the trigger asks a run to do.
func (t *Trigger) options(stopAt time.Time) subscribe.Options {
	return subscribe.Options{
		Input: t.Input, Since: t.Since, Until: t.Until, Reset: t.Reset, KeepWatermark: t.KeepWatermark,
		ReplaceWorkspace: t.ReplaceWorkspace, StopAt: stopAt, Continue: t.Continue,
	}
}
