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
	app *app
	out io.Writer
	in  *bufio.Reader
}

// interactive reports whether there is somebody to ask.
func (a *app) interactive() bool { return a.Terminal(a.Stdin) && a.console.terminal }

func (a *app) dialogue() *dialogue {
	return &dialogue{app: a, out: a.console, in: bufio.NewReader(a.Stdin)}
}

// await returns what read has read from standard input, which nothing can end
// but an answer. After Ctrl-C it waits no longer and leaves read to the end of the
// process; whatever the command makes of that, its status is 130.
func (a *app) await(read func() (string, error)) (string, error) {
	var (
		text string
		err  error
		done = make(chan struct{})
	)
	go func() {
		defer close(done)
		text, err = read()
	}()
	select {
	case <-a.interrupted:
		a.cutShort = true
		return "", &statusError{statusInterrupted}
	case <-done:
		return text, err
	}
}

// ask returns the answer, or standard for an empty one. The error is io.EOF
// where there is nobody any more, and a statusError after Ctrl-C.
func (d *dialogue) ask(question, standard string) (string, error) {
	if standard != "" {
		question += " [" + standard + "]"
	}
	fmt.Fprint(d.out, question+" ")
	answer, err := d.app.await(func() (string, error) { return d.in.ReadString('\n') })
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
