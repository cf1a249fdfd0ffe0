// Package serve runs a handler as a process of its own that a benchmark can
// talk to: the first line it prints is its address, then it answers commands
// on standard input, one a line, each with one line of JSON. It ends with its
// input, so no server outlives who started it.
//
// Every server counts: `stats` tells how many requests came and how many were
// refused for their number since the last `reset`.
package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Stats is what a server has seen.
type Stats struct {
	Requests int64 `json:"requests"`
	Limited  int64 `json:"limited"` // answered with 429
}

// A Command does something to the server and returns what is to be answered.
type Command func(args []string) (any, error)

// An answer is the line that follows a command.
type answer struct {
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Run serves handler on a free port of the loopback interface until in ends.
func Run(ctx context.Context, handler http.Handler, commands map[string]Command, in io.Reader, out io.Writer) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	counted := &counter{next: handler}
	server := &http.Server{Handler: counted, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	defer server.Close()

	if _, err := fmt.Fprintf(out, "http://%s\n", listener.Addr()); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	encoder := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if err := encoder.Encode(counted.obey(words, commands)); err != nil {
			return fmt.Errorf("answer %s: %w", words[0], err)
		}
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	default:
		return nil
	}
}

// A counter counts requests and refusals on their way.
type counter struct {
	next              http.Handler
	requests, limited atomic.Int64
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	c.next.ServeHTTP(&watched{ResponseWriter: w, counter: c}, r)
}

func (c *counter) obey(words []string, commands map[string]Command) answer {
	switch words[0] {
	case "stats":
		return answer{Result: Stats{Requests: c.requests.Load(), Limited: c.limited.Load()}}
	case "reset":
		c.requests.Store(0)
		c.limited.Store(0)
		return answer{}
	}
	command, known := commands[words[0]]
	if !known {
		return answer{Error: "no such command: " + words[0]}
	}
	result, err := command(words[1:])
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Result: result}
}

// A watched writer notices a 429.
type watched struct {
	http.ResponseWriter

	counter *counter
}

func (w *watched) WriteHeader(status int) {
	if status == http.StatusTooManyRequests {
		w.counter.limited.Add(1)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the writer underneath.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
