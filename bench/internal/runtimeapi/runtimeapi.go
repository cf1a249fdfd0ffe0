// Package runtimeapi is the part of Lambda that a function talks to: it hands
// events out and takes answers, so that a bootstrap runs as a plain process.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package runtimeapi

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// An Answer is what came back for an event.
type Answer struct {
	Body   []byte
	Failed bool // it was reported as an error
}

// A Server is one function's runtime API. It has one event at a time.
type Server struct {
	Addr string // host:port, for AWS_LAMBDA_RUNTIME_API

	// First gets the moment of the function's first request for an event.
	First chan time.Time

	server  *http.Server
	asked   atomic.Bool
	events  chan event
	answers chan Answer
	number  atomic.Int64
}

type event struct {
	body     []byte
	deadline time.Time
}

// Start serves on a free port of the loopback address.
func Start(ctx context.Context) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	s := &Server{
		Addr:    l.Addr().String(),
		First:   make(chan time.Time, 1),
		events:  make(chan event),
		answers: make(chan Answer, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", s.answer)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", s.answer)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", s.answer)
	mux.HandleFunc("POST /2020-01-01/extension/register", s.register)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", s.wait)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(l) }() // ends with Close
	return s, nil
}

// Close ends the server and the requests that wait at it.
func (s *Server) Close() { _ = s.server.Close() }

// Invoke hands an event to the function and waits for its answer.
func (s *Server) Invoke(ctx context.Context, body []byte, timeout time.Duration) (Answer, error) {
	select {
	case s.events <- event{body, time.Now().Add(timeout)}:
	case a := <-s.answers: // it has failed to start
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	select {
	case a := <-s.answers:
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	if s.asked.CompareAndSwap(false, true) {
		s.First <- time.Now()
	}
	select {
	case e := <-s.events:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-"+fmt.Sprintf("%012d", s.number.Add(1)))
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(e.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:000000000000:function:bench")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(e.body) // a function that is gone is noticed by its answer
	case <-r.Context().Done():
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	select {
	case s.answers <- Answer{Body: body, Failed: strings.HasSuffix(r.URL.Path, "/error")}:
	case <-r.Context().Done():
	}
}

// register answers the extension that a Go function is where it asks for
// SIGTERM.
func (s *Server) register(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Lambda-Extension-Identifier", "bench")
	_, _ = io.WriteString(w, "{}")
}

// wait keeps an extension waiting for events that never come.
func (s *Server) wait(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
