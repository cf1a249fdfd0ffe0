package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// maxSecret bounds what is taken for a secret, in bytes.
const maxSecret = 4 << 10

// A secretQuestion is something that must not be seen on a screen, in a list of
// processes or in a shell's history, or that belongs to it.
type secretQuestion struct {
	name   string // what it is: client secret
	hidden bool   // nobody looking over a shoulder reads it
}

// askSecrets asks a person, without an echo where it is hidden, or reads one
// line each from standard input.
func (a *app) askSecrets(questions ...secretQuestion) ([]string, error) {
	lines := bufio.NewReader(io.LimitReader(a.Stdin, maxSecret*int64(len(questions)+1)))
	answers := make([]string, len(questions))
	for i, q := range questions {
		text, err := a.askSecret(lines, q)
		if err != nil {
			return nil, err
		}
		if answers[i], err = cleanSecret(q.name, text); err != nil {
			return nil, err
		}
	}
	if a.interactive() {
		return answers, nil
	}
	rest, err := a.await(func() (string, error) {
		rest, err := io.ReadAll(lines)
		return string(rest), err
	})
	if a.cutShort {
		return nil, err
	}
	if err != nil || strings.TrimSpace(rest) != "" {
		return nil, usagef("standard input has more than %s: give a line each", count(int64(len(questions)), "line"))
	}
	return answers, nil
}

func (a *app) askSecret(lines *bufio.Reader, q secretQuestion) (string, error) {
	if a.interactive() {
		fmt.Fprintf(a.console, "%s: ", capital(q.name))
		if f, ok := a.Stdin.(interface{ Fd() uintptr }); ok && q.hidden && term.IsTerminal(int(f.Fd())) {
			text, err := a.readHidden(int(f.Fd()))
			fmt.Fprintln(a.console)
			if err != nil {
				return "", &statusError{statusInterrupted}
			}
			return text, nil
		}
	}
	text, err := a.await(func() (string, error) { return lines.ReadString('\n') })
	if a.cutShort {
		return "", err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the %s: %w", q.name, err)
	}
	return text, nil
}

// readHidden reads a line of a terminal without an echo. However it ends, the
// terminal is as it was.
func (a *app) readHidden(fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	text, err := a.await(func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	if restoreErr := term.Restore(fd, before); err == nil {
		err = restoreErr
	}
	return text, err
}

// cleanSecret refuses what cannot be one. It never shows what it refuses.
func cleanSecret(name, text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", usagef("no %s was given", name)
	case len(text) > maxSecret:
		return "", usagef("that is too long for a %s", name)
	case strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return "", usagef("the %s has characters that none has: was it copied whole, and nothing else with it?", name)
	default:
		return text, nil
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
