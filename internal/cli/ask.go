package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// A dialogue asks questions on standard error and reads lines from standard
// input.
type dialogue struct {
	out io.Writer
	in  *bufio.Reader
}

// interactive reports whether there is somebody to ask.
func (a *app) interactive() bool { return a.Terminal(a.Stdin) && a.console.terminal }

func (a *app) dialogue() *dialogue {
	return &dialogue{out: a.console, in: bufio.NewReader(a.Stdin)}
}

// ask returns the answer, or standard for an empty one. The error is io.EOF
// where there is nobody any more.
func (d *dialogue) ask(question, standard string) (string, error) {
	if standard != "" {
		question += " [" + standard + "]"
	}
	fmt.Fprint(d.out, question+" ")
	answer, err := d.in.ReadString('\n')
	answer = strings.TrimSpace(answer)
	if err != nil && answer == "" {
		fmt.Fprintln(d.out)
		return "", err
	}
	if answer == "" {
		return standard, nil
	}
	return answer, nil
}

// confirm asks a question whose answer is no unless somebody says yes.
func (d *dialogue) confirm(question string) bool {
	answer, err := d.ask(question, "y/N")
	if err != nil {
		return false
	}
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes"
}
