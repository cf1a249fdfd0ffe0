package sqlitestate_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// child makes the test binary one of several processes at a database; its
// arguments are the child's.
var child = flag.String("child", "", "what to do instead of the tests: see children")

// children are what such a process can do. It says on out what has been done.
var children = map[string]func(out io.Writer, args []string) error{
	"save":      saveForEver,
	"increment": incrementMuch,
	"fill":      fillDisk,
}

func TestMain(m *testing.M) {
	flag.Parse()
	if *child != "" {
		if err := children[*child](os.Stdout, flag.Args()); err != nil {
			fmt.Fprintln(os.Stdout, "error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// A process is a child that runs.
type process struct {
	*exec.Cmd

	out *bufio.Reader
}

// start starts a child.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p, err := launch(command(t, name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// command is the command of a child.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append([]string{"-child=" + name}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

func launch(cmd *exec.Cmd) (*process, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{Cmd: cmd, out: bufio.NewReader(out)}, cmd.Start()
}

// line returns the next whole line that the child says, "" at its end.
func (p *process) line() string {
	text, err := p.out.ReadString('\n')
	if err != nil {
		return "" // half a line was cut off by a kill
	}
	return strings.TrimSuffix(text, "\n")
}
