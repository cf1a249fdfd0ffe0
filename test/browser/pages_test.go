package browser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/syncbuf"
	"intercom-connector/test/blackbox/mock"
	"intercom-connector/test/chromium"
)

var update = flag.Bool("update", false, "take the pictures in docs/images anew")

// patience is how long a command may take for anything.
const patience = 30 * time.Second

// folder holds the program for as long as the tests run.
var folder string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	flag.Parse()
	var err error
	if folder, err = os.MkdirTemp("", "browser"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	return m.Run()
}

// build builds the program, once.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(folder, "connector")
	out, err := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", path, "../../cmd/connector").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// A desk is a person's folder, and the workspace they grant access to.
type desk struct {
	t         *testing.T
	authority *mock.Authority
	dir       string
	binary    string
	port      string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	chromium.Find(t)
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, authority: mock.NewAuthority(), dir: t.TempDir(), binary: binary, port: freePort(t)}
	d.authority.Name = "Harbour & Sons"
	server := httptest.NewServer(d.authority)
	t.Cleanup(server.Close)
	config := fmt.Sprintf(`clients:
  main:
    base_uri: %[1]s
    auth: {type: oauth, authorize_url: "%[1]s/oauth", token_url: "%[1]s/auth/eagle/token"}
`, server.URL)
	if err := os.WriteFile(filepath.Join(d.dir, "connector.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := d.command("app", "main")
	cmd.Stdin = strings.NewReader(d.authority.ClientID + "\n" + d.authority.Secret + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("app: %v\n%s", err, out)
	}
	return d
}

// freePort finds a port below those that the system gives away by itself, so
// that no other test gets it in between.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (d *desk) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(d.t.Context(), d.binary, args...)
	cmd.Dir = d.dir
	cmd.Env = []string{"HOME=" + d.dir, "PATH=" + os.Getenv("PATH")}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// A waiting is a `connector grant` under way.
type waiting struct {
	*exec.Cmd

	stdout bytes.Buffer
	stderr *syncbuf.Buffer
}

var link = regexp.MustCompile(`(?m)^  (http\S+)$`)

// grant starts `connector grant` and returns the link that it prints.
func (d *desk) grant() (*waiting, string) {
	d.t.Helper()
	w := &waiting{Cmd: d.command("grant", "main", "--no-browser", "--json", "--port", d.port), stderr: &syncbuf.Buffer{}}
	w.Stdout, w.Stderr = &w.stdout, w.stderr
	if err := w.Start(); err != nil {
		d.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if found := link.FindStringSubmatch(w.stderr.String()); found != nil {
			return w, found[1]
		}
	}
	d.t.Fatalf("no link: %s", w.stderr)
	return nil, ""
}

// ended waits for the command and returns what it reports.
func (d *desk) ended(w *waiting, status int) (report map[string]any) {
	d.t.Helper()
	_ = w.Wait() // the status tells
	if got := w.ProcessState.ExitCode(); got != status {
		d.t.Fatalf("grant: status %d, want %d\n%s", got, status, w.stderr)
	}
	if err := json.Unmarshal(w.stdout.Bytes(), &report); err != nil {
		d.t.Fatalf("grant: %v\n%s", err, w.stdout.String())
	}
	for _, secret := range append(d.authority.Tokens(), d.authority.Secret) {
		if strings.Contains(w.stdout.String()+w.stderr.String(), secret) {
			d.t.Error("grant prints a secret")
		}
	}
	return report
}

// views are how people look at it.
var views = []struct {
	name, mode    string
	width, height int
	phone         bool
}{
	{"light", "light", 800, 600, false},
	{"dark", "dark", 800, 600, false},
	{"phone", "dark", 360, 640, true},
	{"watch", "light", 240, 320, true},
}

// The whole way: a link, a person who agrees, the page that says so, and a
// program that knows.
func TestGrant(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, view := range views {
		b := chromium.New(t)
		b.Look(view.mode, view.width, view.height, view.phone)
		program, link := d.grant()
		b.Open(link)
		check(t, b, view.mode, "Access granted")
		var facts string
		b.Ask(`document.querySelector("dl").innerText`, &facts)
		for _, fact := range []string{"Harbour & Sons", "ab12cd34", "Europe/Amsterdam", "main"} {
			if !strings.Contains(facts, fact) {
				t.Errorf("%s: the page does not say %q: %s", view.name, fact, facts)
			}
		}
		if view.name != "watch" {
			keep(t, b, "grant-"+view.name+".png")
		}
		report := d.ended(program, 0)
		if report["granted"] != true || report["workspace"] != "ab12cd34" || report["admin"] != "Zoë Grantor" {
			t.Errorf("%s: report %v", view.name, report)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.authority.Set(func(s *mock.Settings) { s.Deny = true })
	for _, view := range views {
		b := chromium.New(t)
		b.Look(view.mode, view.width, view.height, view.phone)
		program, link := d.grant()
		b.Open(link)
		check(t, b, view.mode, "Access was not granted")
		if view.name == "light" {
			keep(t, b, "grant-refused.png")
		}
		if report := d.ended(program, 1); report["granted"] != false || report["problem"] != "refused" {
			t.Errorf("%s: report %v", view.name, report)
		}
	}
}

// check looks at what every page has to be.
func check(t *testing.T, b *chromium.Tab, mode, title string) {
	t.Helper()
	var page struct {
		Title, Heading, Lang, Background string
		Scroll, Window                   int
		Scripts, Headings                int
		Texts                            []struct {
			Text, Color, Behind string
			Large               bool
		}
	}
	b.Ask(`(() => {
		const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c != "rgba(0, 0, 0, 0)") return c } return "rgb(255, 255, 255)" };
		const texts = [...document.querySelectorAll("h1, p, dt, dd")].map(e => ({Text: e.innerText, Color: getComputedStyle(e).color, Behind: behind(e), Large: parseFloat(getComputedStyle(e).fontSize) >= 24}));
		return {
			Title: document.title, Heading: document.querySelector("h1").innerText, Lang: document.documentElement.lang,
			Background: getComputedStyle(document.body).backgroundColor,
			Scroll: document.documentElement.scrollWidth, Window: innerWidth,
			Scripts: document.scripts.length, Headings: document.querySelectorAll("h1").length, Texts: texts,
		}
	})()`, &page)
	if page.Heading != title || !strings.HasPrefix(page.Title, title) || page.Lang != "en" || page.Headings != 1 || page.Scripts != 0 {
		t.Errorf("%s: the page is %+v", mode, page)
	}
	if page.Scroll > page.Window {
		t.Errorf("%s: the page is %d wide in a window of %d", mode, page.Scroll, page.Window)
	}
	if dark := luminance(t, page.Background) < 0.2; dark != (mode == "dark") {
		t.Errorf("%s: the background is %s", mode, page.Background)
	}
	for _, text := range page.Texts {
		least := 4.5 // WCAG 2.2, 1.4.3
		if text.Large {
			least = 3
		}
		if ratio := contrast(luminance(t, text.Color), luminance(t, text.Behind)); ratio < least {
			t.Errorf("%s: %q is %s on %s: contrast %.2f, want %v", mode, text.Text, text.Color, text.Behind, ratio, least)
		}
	}
	if complaints := b.Complaints(); len(complaints) > 0 && title == "Access granted" {
		t.Errorf("%s: the browser complains: %s", mode, strings.Join(complaints, "\n"))
	}
	for _, m := range b.Complaints() {
		if strings.Contains(m, "Content Security Policy") {
			t.Errorf("%s: %s", mode, m)
		}
	}
	if n := len(b.Seen("Network.requestWillBeSent")); n > 3 { // the link, and where it leads
		t.Errorf("%s: the page has sent %d requests", mode, n)
	}
	if image, err := png.Decode(bytes.NewReader(b.Picture())); err != nil || image.Bounds().Empty() {
		t.Errorf("%s: no picture: %v", mode, err)
	}
}

// keep writes a picture into docs/images, where -update asks for it.
func keep(t *testing.T, b *chromium.Tab, name string) {
	t.Helper()
	png := b.Picture()
	if len(png) > 100<<10 {
		t.Errorf("picture %s has %d bytes", name, len(png))
	}
	if !*update {
		return
	}
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "images", name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// luminance is the relative one of a colour, as WCAG defines it.
func luminance(t *testing.T, rgb string) float64 {
	t.Helper()
	var r, g, b float64
	if _, err := fmt.Sscanf(rgb, "rgb(%f, %f, %f)", &r, &g, &b); err != nil {
		t.Fatalf("colour %q: %v", rgb, err)
	}
	linear := func(c float64) float64 {
		c /= 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }
