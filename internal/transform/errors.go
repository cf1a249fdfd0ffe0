package transform

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

var (
	// ErrTimeout means that a program took longer than [MaxTime], or more steps
	// than its input allows.
	ErrTimeout = errors.New("transform: program takes too long")
	// ErrTooMany means that a program has more than [MaxOutputs] outputs.
	ErrTooMany = errors.New("transform: too many outputs")
	// ErrTooLarge means that an input, an output or something in between is
	// larger than a program may have it.
	ErrTooLarge = errors.New("transform: too large")
	// ErrHalted means that the program called halt or halt_error, which would
	// end more than the one input that it has.
	ErrHalted = errors.New("transform: program halted")
	// ErrInput means that the input is not a JSON value.
	ErrInput = errors.New("transform: input is not JSON")
)

// A CompileError says why a program is not one, and where.
type CompileError struct {
	Message string // "unexpected token "}""
	Offset  int    // of the token in the source, in bytes from 0; -1 where the place is not known
	Line    int    // from 1, 0 where the place is not known
	Column  int    // in characters from 1, 0 where the place is not known
	Token   string // "" at the end of the source
}

func (e *CompileError) Error() string {
	if e.Line == 0 {
		return "jq: " + e.Message
	}
	return fmt.Sprintf("jq:%d:%d: %s", e.Line, e.Column, e.Message)
}

// A RuntimeError is a program's own failure on one input: a type that does not
// fit, or a call of error.
type RuntimeError struct {
	// Message says what failed without a value of the record in it: logs may
	// have it.
	Message string
	// Detail is jq's own message, which shows the beginning of the values that
	// did not fit: it belongs wherever the record itself may be, nowhere else.
	Detail string
}

func (e *RuntimeError) Error() string { return "jq: " + e.Message }

// runtimeError turns what the engine reports into one of this package's errors.
func runtimeError(err error) error {
	if halt, ok := errors.AsType[*gojq.HaltError](err); ok {
		return fmt.Errorf("%w (exit code %d)", ErrHalted, halt.ExitCode())
	}
	if thrown, ok := errors.AsType[gojq.ValueError](err); ok {
		detail, ok := thrown.Value().(string)
		if !ok {
			detail = gojq.Preview(thrown.Value())
		}
		return &RuntimeError{Message: "the program called error", Detail: shorten(detail)}
	}
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrTimeout) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	detail := err.Error()
	return &RuntimeError{Message: withoutValues(detail), Detail: shorten(detail)}
}

// value is where the engine's message begins to show values: it writes them as
// JSON, strings and composite ones recognizable by their first character.
var value = lazily(`[(\[{"]|\s-?\d`)

// withoutValues cuts the engine's message where it begins to show values.
func withoutValues(message string) string {
	at := value().FindStringIndex(message)
	if at == nil {
		return message
	}
	kept := strings.TrimRight(message[:at[0]], " :")
	const verb = "cannot be applied"
	if strings.Contains(message[at[0]:], verb) && !strings.Contains(kept, verb) {
		kept += " " + verb
	}
	if kept == "" {
		return "the program failed"
	}
	return kept
}

// shorten cuts a message of which a record may have written any part.
func shorten(s string) string {
	const longest = 500
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
