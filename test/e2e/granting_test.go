package e2e_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/syncbuf"
)

// A started command is one under way: a `connector grant` that waits for
// somebody, or a run.
type started struct {
	*granted

	cmd            *exec.Cmd
	stdout, stderr syncbuf.Buffer
	link           string // of a grant
}

var linkLine = regexp.MustCompile(`(?m)^  (http\S+)$`)

// start starts a command on the stack.
func (g *granted) start(t *testing.T, args ...string) *started {
	t.Helper()
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &started{granted: g}
	s.cmd = exec.CommandContext(t.Context(), binary, append(args, "--stack", g.stack)...)
	s.cmd.Dir, s.cmd.Env = g.dir, append(append(os.Environ(), g.emulator.Env()...), "NO_COLOR=1")
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.WaitDelay = &s.stdout, &s.stderr, 5*time.Second
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// grant starts a grant and waits for its link.
func (g *granted) grant(t *testing.T, client string, args ...string) *started {
	t.Helper()
	s := g.start(t, append([]string{"grant", client, "--no-browser"}, args...)...)
	eventually(t, "there is a link", time.Minute, func() bool {
		found := linkLine.FindStringSubmatch(s.stderr.String())
		if found != nil {
			s.link = found[1]
		}
		return found != nil
	})
	return s
}

// end waits for the command.
func (s *started) end(t *testing.T, status int) result {
	t.Helper()
	if s.link != "" && t.Failed() {
		t.FailNow() // it might wait for ten minutes
	}
	_ = s.cmd.Wait() // the status tells
	r := result{status: s.cmd.ProcessState.ExitCode(), stdout: s.stdout.String(), stderr: s.stderr.String()}
	s.note(r, s.link)
	if r.status != status {
		t.Fatalf("connector %s: want exit status %d: %v", strings.Join(s.cmd.Args[1:], " "), status, r)
	}
	return r
}

// again grants access once more, from the command to its end.
func (g *granted) again(t *testing.T, client string) {
	t.Helper()
	s := g.grant(t, client)
	if status, page := g.visit(t, http.MethodGet, g.agree(t, s.link), ""); status != http.StatusOK {
		t.Fatalf("the page: %d\n%s", status, page)
	}
	s.end(t, 0)
}

// note keeps what a command said, without the link: that is for the person at
// the screen, and has the state.
func (g *granted) note(r result, link string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	text := r.stdout + r.stderr
	if link != "" {
		text = strings.ReplaceAll(text, link, "")
		if u, err := url.Parse(link); err == nil {
			g.states = append(g.states, u.Query().Get("state"))
		}
	}
	g.said.WriteString(text)
}

// says runs a command on the stack, which ends with a status and says some words.
func (g *granted) says(t *testing.T, stdin string, status int, words []string, args ...string) result {
	t.Helper()
	r := g.connector(t, stdin, append(args, "--stack", g.stack)...)
	g.note(r, "")
	if r.status != status {
		t.Fatalf("connector %s: want exit status %d: %v", strings.Join(args, " "), status, r)
	}
	for _, word := range words {
		if !strings.Contains(r.stdout+r.stderr, word) {
			t.Errorf("connector %s: does not say %q: %v", strings.Join(args, " "), word, r)
		}
	}
	return r
}
