package subscribe

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrInterrupted means that the run was told to stop. It has saved its
// position, and the next run goes on from there.
var ErrInterrupted = errors.New("interrupted")

// A BusyError means that another run of the subscription holds the lease.
type BusyError struct {
	Subscription, Owner string
	Until               time.Time
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("another run of %s is under way (its lease ends at %s unless renewed)",
		e.Subscription, e.Until.UTC().Format(time.TimeOnly))
}

// An OvertakenError means that somebody else has saved the checkpoint since
// this run did: the run stops, the other one has it now.
type OvertakenError struct{ Key string }

func (e *OvertakenError) Error() string {
	return "overtaken: another run has gone on with " + e.Key
}

// A ChangedError means that the subscription no longer reads what it read when
// its position was saved.
type ChangedError struct {
	Subscription string
	Parts        []string // of the fingerprint: entity, query, …
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s of %s changed since its last run: "+
		"--reset starts over, --keep-watermark goes on from where it was", strings.Join(e.Parts, ", "), e.Subscription)
}

// A WorkspaceError means that the token belongs to another workspace than the
// client did so far or than its configuration says, or that nobody can tell.
type WorkspaceError struct {
	Client, Want, Got string // Got is UnknownWorkspace where the token may not ask
	Configured        bool   // Want is from the configuration
}

func (e *WorkspaceError) Error() string {
	if e.Got == UnknownWorkspace {
		return fmt.Sprintf("the token of client %s may not ask /me any more, so nobody can tell whether it still belongs to workspace %s: "+
			"give its app the permission to read one admin again, or set workspace: %s in the configuration if it does", e.Client, e.Want, e.Want)
	}
	if e.Configured {
		return fmt.Sprintf("the token of client %s belongs to workspace %s, the configuration says %s",
			e.Client, e.Got, e.Want)
	}
	return fmt.Sprintf("the token of client %s belongs to workspace %s, so far it was %s: "+
		"--replace-workspace goes on with the new one", e.Client, e.Got, e.Want)
}

// A TooManyError ends a run in which too much had to be put aside.
type TooManyError struct {
	Quarantined, Of int64
	Last            error // why the last one was, nil where an earlier invocation met it
}

func (e *TooManyError) Error() string {
	text := fmt.Sprintf("%d of %d records or requests had to be quarantined", e.Quarantined, e.Of)
	if e.Last != nil {
		text += fmt.Sprintf(", the last one because: %v", e.Last)
	}
	return text
}

func (e *TooManyError) Unwrap() error { return e.Last }

// wrapf adds what was being done to an error, and nothing to none.
func wrapf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
