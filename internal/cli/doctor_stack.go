package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/doctor"
	"intercom-connector/internal/names"
)

// examineStack has the doctor look at a stack, and at its tokens. A stack that is
// not there is something for the doctor to say; AWS that lets nobody in is not.
func (a *app) examineStack(ctx context.Context, examined *doctor.Config, flags stackFlags) error {
	d, err := a.stack(ctx, flags)
	none, isNone := errors.AsType[*stackaccess.NoStackError](err)
	if isNone && none.Status == "" || err != nil && !isNone {
		return err
	}
	if isNone {
		// CloudFormation has it, and it has come to nothing.
		examined.Token = func(context.Context, *config.Client) doctor.Token {
			return doctor.Token{Place: "the stack", Err: none}
		}
		examined.Stack = &doctor.Stack{Stack: names.Stack(flags.Stack), StackChecker: halfStack{none.Status}, Broken: none, Explain: explainSplit}
		return nil
	}
	examined.Token = a.tokenThere(d)
	examined.Stack = &doctor.Stack{
		Stack: d.Stack, StackChecker: wholeStack{d.stackHealth}, Store: d.store, Explain: explainSplit,
	}
	return nil
}

// tokenThere finds the tokens of a stack.
func (a *app) tokenThere(d *deployment) func(context.Context, *config.Client) doctor.Token {
	return func(_ context.Context, client *config.Client) doctor.Token {
		granted := client.Auth.Type == config.OAuth
		found := doctor.Token{Source: d.token(client.Name, granted), Place: "the secret " + d.Token(client.Name)}
		if granted {
			found.Supply = "have access granted: `" + commandText(append(a.commandArgs("grant", client.Name), d.flags.args()...)) + "`"
		} else {
			found.Supply = "store " + fromHub + ": `" + commandText(append(a.commandArgs("token", client.Name), d.flags.args()...)) + "`"
		}
		return found
	}
}

// A wholeStack is a stack as the doctor wants to ask it.
type wholeStack struct{ stackHealth }

// Status implements doctor.StackChecker.
func (s wholeStack) Status(ctx context.Context) (string, error) {
	status, err := s.stackHealth.Status(ctx)
	return status, absent(err)
}

// Function implements doctor.StackChecker.
func (s wholeStack) Function(ctx context.Context, name string) (string, error) {
	wrong, err := s.stackHealth.Function(ctx, name)
	return wrong, absent(err)
}

// Waiting implements doctor.StackChecker.
func (s wholeStack) Waiting(ctx context.Context, queue string) (int64, error) {
	n, err := s.stackHealth.Waiting(ctx, queue)
	return n, absent(err)
}

// absent says in the doctor's words what is not there.
func absent(err error) error {
	_, noStack := errors.AsType[*stackaccess.NoStackError](err)
	if noStack || errors.Is(err, stackaccess.ErrNoFunction) || errors.Is(err, stackaccess.ErrNoQueue) {
		return fmt.Errorf("%w: %w", doctor.ErrAbsent, err)
	}
	return err
}

// A halfStack is one that has a state and nothing else.
type halfStack struct{ status string }

// Status implements doctor.StackChecker.
func (s halfStack) Status(context.Context) (string, error) { return s.status, nil }

// Function implements doctor.StackChecker.
func (halfStack) Function(context.Context, string) (string, error) { return "", doctor.ErrAbsent }

// Waiting implements doctor.StackChecker.
func (halfStack) Waiting(context.Context, string) (int64, error) { return 0, doctor.ErrAbsent }

// explainSplit is explainAWS in two parts: what is wrong, and what to do.
func explainSplit(err error) (detail, remedy string) {
	advice := explainAWS(err)
	if advice == "" {
		return err.Error(), ""
	}
	at := strings.LastIndex(advice, ": ")
	if at < 0 {
		return advice, ""
	}
	return advice[:at], advice[at+2:]
}
