package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"intercom-connector/bench/internal/serve"
)

// A server is a running process that serves contacts.
type server struct {
	url     string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Scanner
}

// start runs a server program and waits until it can be asked.
func (b *bench) start(ctx context.Context, name string, args ...string) (*server, error) {
	cmd := exec.CommandContext(ctx, b.program(name), args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s := &server{cmd: cmd, in: in, answers: bufio.NewScanner(out)}
	if !s.answers.Scan() {
		return nil, errors.Join(fmt.Errorf("start %s: it ended before it told its address", name), s.stop())
	}
	s.url = s.answers.Text()
	return s, nil
}

// stop ends the server and waits for it.
func (s *server) stop() error {
	return errors.Join(s.in.Close(), s.cmd.Wait())
}

// ask sends a command and decodes its result into out, which may be nil.
func (s *server) ask(command string, out any) error {
	if _, err := fmt.Fprintln(s.in, command); err != nil {
		return fmt.Errorf("ask the server to %s: %w", command, err)
	}
	if !s.answers.Scan() {
		return fmt.Errorf("ask the server to %s: it is gone", command)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  string          `json:"error"`
	}
	if err := json.Unmarshal(s.answers.Bytes(), &answer); err != nil {
		return fmt.Errorf("ask the server to %s: %w", command, err)
	}
	if answer.Error != "" {
		return fmt.Errorf("ask the server to %s: %s", command, answer.Error)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, out)
}

// stats tells what the server has seen since the last call.
func (s *server) stats() (serve.Stats, error) {
	var stats serve.Stats
	if err := s.ask("stats", &stats); err != nil {
		return stats, err
	}
	return stats, s.ask("reset", nil)
}
