package cli

import (
	"errors"
	"fmt"

	"intercom-connector/internal/config/file"
)

// The exit statuses.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusInterrupted = 130
)

// A usageError is a mistake in what the program was asked to do, or in the
// configuration.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// A statusError ends the program with a status; what there is to say about it
// has been said.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// fail prints the error of a command, if there is one, and returns the status.
func (a *app) fail(err error) int {
	var (
		status   *statusError
		problems file.Errors
		usage    *usageError
	)
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &status):
		return status.status
	case errors.As(err, &problems):
		fmt.Fprintln(a.console, problems.Error())
		a.complain("%s in %s", count(int64(len(problems)), "problem"), a.global.Config)
		return statusUsage
	case errors.As(err, &usage):
		a.complain("%v", err)
		return statusUsage
	default:
		a.complain("%s", a.explain(err))
		return statusFailed
	}
}

// complain prints one line of an error.
func (a *app) complain(format string, args ...any) {
	fmt.Fprintf(a.console, "%s %s\n", a.console.paint(red, name+":"), oneLine(fmt.Sprintf(format, args...)))
}

// note prints a line that is not a result.
func (a *app) note(format string, args ...any) {
	if !a.global.Quiet {
		fmt.Fprintf(a.console, format+"\n", args...)
	}
}
