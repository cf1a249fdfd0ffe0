// Package chromium starts a headless browser for a test and talks to it by its
// DevTools protocol, over a pipe: no driver, no port.
//
// Where there is no Chromium a test is skipped, unless
// INTERCOM_CONNECTOR_BROWSER=required says that this must not be.
package chromium

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// patience is how long the browser may take for anything.
const patience = 30 * time.Second

// Find returns the browser's path, or ends the test.
func Find(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the browser is spoken to over a pipe, which Windows has in another way")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "there is no Chromium here: `apt-get install chromium`, or what brings it elsewhere"
	if set, _ := os.LookupEnv("INTERCOM_CONNECTOR_BROWSER"); set == "required" { //nolint:forbidigo // Only tests come here.
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// flags keep Chromium from everything but the page.
func flags(profile string) []string {
	return []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--lang=en", "--user-data-dir=" + profile,
	}
}

// A Tab is a page of a browser of its own.
type Tab struct {
	t       *testing.T
	in      io.Writer
	session string

	mu      sync.Mutex
	last    int
	answers map[int]chan Message
	events  []Message
}

// A Message is one of the DevTools protocol
// (https://chromedevtools.github.io/devtools-protocol/).
type Message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// New starts a browser that ends with the test, with flags of one's own, too.
func New(t *testing.T, more ...string) *Tab {
	t.Helper()
	chromium := Find(t)
	fromUs, toBrowser := pipe(t)
	fromBrowser, toUs := pipe(t)
	var stderr bytes.Buffer
	//nolint:gosec // It is the browser that was found.
	cmd := exec.CommandContext(t.Context(), chromium, slices.Concat(flags(t.TempDir()), more, []string{"--remote-debugging-pipe", "about:blank"})...)
	cmd.ExtraFiles = []*os.File{fromUs, toUs} // 3 and 4 over there
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = fromUs.Close(), toUs.Close() // the browser has its own
	tb := &Tab{t: t, in: toBrowser, answers: map[int]chan Message{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tb.listen(fromBrowser)
	}()
	t.Cleanup(func() {
		_, _ = toBrowser.Write([]byte(`{"id":1000000,"method":"Browser.close"}` + "\x00"))
		_ = toBrowser.Close()
		_ = cmd.Wait() // however it ends
		<-done
		if t.Failed() {
			t.Logf("Chromium says:\n%.3000s", stderr.String())
		}
	})
	var target struct {
		ID string `json:"targetId"`
	}
	tb.Must("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	tb.Must("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	tb.session = attached.Session
	for _, domain := range []string{"Page", "Network", "Log", "Runtime", "Security"} {
		tb.Must(domain+".enable", nil, nil)
	}
	return tb
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() }) // again, some of them
	return r, w
}

// listen hands out what the browser says, until it ends.
func (b *Tab) listen(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m Message
		if json.Unmarshal(bytes.TrimRight(text, "\x00"), &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer := b.answers[m.ID]; answer != nil {
			answer <- m
			delete(b.answers, m.ID)
		} else if m.Method != "" {
			b.events = append(b.events, m)
		}
		b.mu.Unlock()
	}
}

// Must calls a method of the protocol.
func (b *Tab) Must(method string, params, out any) {
	b.t.Helper()
	m := Message{Session: b.session, Method: method}
	if params != nil {
		raw, err := json.Marshal(params)
		if err != nil {
			b.t.Fatal(err)
		}
		m.Params = raw
	}
	answer := make(chan Message, 1)
	b.mu.Lock()
	b.last++
	m.ID = b.last
	b.answers[m.ID] = answer
	b.mu.Unlock()
	raw, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(raw, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case got := <-answer:
		if got.Error != nil {
			b.t.Fatalf("%s: %s", method, got.Error.Message)
		}
		if out != nil {
			if err := json.Unmarshal(got.Result, out); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer within %v", method, patience)
	}
}

// Wait waits for the n-th event of a name.
func (b *Tab) Wait(method string, n int) {
	b.t.Helper()
	b.Until(fmt.Sprintf("%s for the %d. time", method, n), func() bool { return len(b.Seen(method)) >= n })
}

// Until waits until a condition holds.
func (b *Tab) Until(what string, holds func() bool) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			b.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// Seen are the events of a name.
func (b *Tab) Seen(method string) []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.events), func(m Message) bool { return m.Method != method })
}

// Look makes the window and the mode of the machine.
func (b *Tab) Look(mode string, width, height int, phone bool) {
	b.t.Helper()
	b.Must("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": mode}}}, nil)
	b.Must("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
	}, nil)
	b.Must("Security.setIgnoreCertificateErrors", map[string]any{"ignore": true}, nil)
}

// Open goes to a page and waits until it is there.
func (b *Tab) Open(url string) {
	b.t.Helper()
	loaded := len(b.Seen("Page.loadEventFired"))
	b.Must("Page.navigate", map[string]any{"url": url}, nil)
	b.Wait("Page.loadEventFired", loaded+1)
}

// Ask evaluates an expression in the page.
func (b *Tab) Ask(expression string, out any) {
	b.t.Helper()
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.Must("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &got)
	if got.Exception != nil {
		b.t.Fatalf("%s: %s", expression, got.Exception)
	}
	if err := json.Unmarshal(got.Result.Value, out); err != nil {
		b.t.Fatalf("%s: %v: %s", expression, err, got.Result.Value)
	}
}

// Picture takes one, as PNG.
func (b *Tab) Picture() []byte {
	b.t.Helper()
	var got struct {
		Data string `json:"data"`
	}
	b.Must("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	png, err := base64.StdEncoding.DecodeString(got.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}

// Complaints are what the browser has logged, such as what a page's policy
// forbids, and what scripts have said, of which there are none.
func (b *Tab) Complaints() []string {
	var all []string
	for _, method := range []string{"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.loadingFailed"} {
		for _, m := range b.Seen(method) {
			all = append(all, fmt.Sprintf("%s: %s", method, m.Params))
		}
	}
	return all
}
