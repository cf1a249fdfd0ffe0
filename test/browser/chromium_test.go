package browser_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// patience is how long the browser may take for anything.
const patience = 30 * time.Second

// findChromium returns the browser's path, or ends the test.
func findChromium(t *testing.T) string {
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
	if os.Getenv("INTERCOM_CONNECTOR_BROWSER") == "required" {
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

// A tab is a page of a browser of its own.
type tab struct {
	t       *testing.T
	in      io.Writer
	session string

	mu      sync.Mutex
	last    int
	answers map[int]chan message
	events  []message
}

// A message is one of the DevTools protocol
// (https://chromedevtools.github.io/devtools-protocol/).
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// newTab starts a browser that ends with the test.
func newTab(t *testing.T) *tab {
	t.Helper()
	chromium := findChromium(t)
	fromUs, toBrowser := pipe(t)
	fromBrowser, toUs := pipe(t)
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), chromium, append(flags(t.TempDir()), "--remote-debugging-pipe", "about:blank")...)
	cmd.ExtraFiles = []*os.File{fromUs, toUs} // 3 and 4 over there
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fromUs.Close()
	toUs.Close()
	tb := &tab{t: t, in: toBrowser, answers: map[int]chan message{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tb.listen(fromBrowser)
	}()
	t.Cleanup(func() {
		_, _ = toBrowser.Write([]byte(`{"id":1000000,"method":"Browser.close"}` + "\x00"))
		toBrowser.Close()
		_ = cmd.Wait() // however it ends
		<-done
		if t.Failed() {
			t.Logf("Chromium says:\n%.3000s", stderr.String())
		}
	})
	var target struct {
		ID string `json:"targetId"`
	}
	tb.must("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	tb.must("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	tb.session = attached.Session
	for _, domain := range []string{"Page", "Network", "Log", "Runtime", "Security"} {
		tb.must(domain+".enable", nil, nil)
	}
	return tb
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// listen hands out what the browser says, until it ends.
func (b *tab) listen(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
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

// must calls a method of the protocol.
func (b *tab) must(method string, params, out any) {
	b.t.Helper()
	m := message{Session: b.session, Method: method}
	if params != nil {
		raw, err := json.Marshal(params)
		if err != nil {
			b.t.Fatal(err)
		}
		m.Params = raw
	}
	answer := make(chan message, 1)
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

// wait waits for the n-th event of a name.
func (b *tab) wait(method string, n int) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for len(b.seen(method)) < n {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s has not happened %d times within %v", method, n, patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// seen are the events of a name.
func (b *tab) seen(method string) []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.events), func(m message) bool { return m.Method != method })
}

// look makes the window and the mode of the machine.
func (b *tab) look(mode string, width, height int, phone bool) {
	b.t.Helper()
	b.must("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": mode}}}, nil)
	b.must("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
	}, nil)
	b.must("Security.setIgnoreCertificateErrors", map[string]any{"ignore": true}, nil)
}

// open goes to a page and waits until it is there.
func (b *tab) open(url string) {
	b.t.Helper()
	loaded := len(b.seen("Page.loadEventFired"))
	b.must("Page.navigate", map[string]any{"url": url}, nil)
	b.wait("Page.loadEventFired", loaded+1)
}

// ask evaluates an expression in the page.
func (b *tab) ask(expression string, out any) {
	b.t.Helper()
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.must("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &got)
	if got.Exception != nil {
		b.t.Fatalf("%s: %s", expression, got.Exception)
	}
	if err := json.Unmarshal(got.Result.Value, out); err != nil {
		b.t.Fatalf("%s: %v: %s", expression, err, got.Result.Value)
	}
}

// picture takes one, as PNG.
func (b *tab) picture() []byte {
	b.t.Helper()
	var got struct {
		Data string `json:"data"`
	}
	b.must("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	png, err := base64.StdEncoding.DecodeString(got.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}

// keep writes a picture into docs/images, where -update asks for it.
func (b *tab) keep(name string) {
	b.t.Helper()
	png := b.picture()
	if len(png) > 100<<10 {
		b.t.Errorf("picture %s has %d bytes", name, len(png))
	}
	if !*update {
		return
	}
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "images", name), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// complaints are what the browser has logged, such as what a page's policy
// forbids, and what scripts have said, of which there are none.
func (b *tab) complaints() []string {
	var all []string
	for _, method := range []string{"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.loadingFailed"} {
		for _, m := range b.seen(method) {
			all = append(all, fmt.Sprintf("%s: %s", method, m.Params))
		}
	}
	return all
}
