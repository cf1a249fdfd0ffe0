package grant_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"intercom-connector/internal/grant"
)

var style = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

func TestHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	success := b.grant(b.link("main"))
	for name, got := range map[string]answer{
		"success": success,
		"problem": b.ask(http.MethodGet, "/oauth/callback", nil),
		"nothing": b.ask(http.MethodGet, "/", nil),
		"HEAD":    b.ask(http.MethodHead, "/oauth/callback?state=x&code=y", nil),
		"POST":    b.ask(http.MethodPost, "/oauth/uninstall", strings.NewReader("{}")),
	} {
		hash := sha256.Sum256([]byte(style.FindStringSubmatch(success.body)[1]))
		for key, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
		} {
			if got := got.header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
	}
}

func TestPageIsSelfContained(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, got := range []answer{b.grant(b.link("main")), b.ask(http.MethodGet, "/oauth/callback", nil)} {
		for _, no := range []string{"<script", "http:", "https:", "url(", "@import", "style=", "<img", "<link", "{"} {
			if strings.Contains(strings.ReplaceAll(style.ReplaceAllString(got.body, ""), "&", ""), no) {
				t.Errorf("the page has %q:\n%s", no, got.body)
			}
		}
		for _, yes := range []string{`<html lang="en">`, `name="viewport"`, "<title>", "<main>", "<h1>"} {
			if !strings.Contains(got.body, yes) {
				t.Errorf("the page has no %q", yes)
			}
		}
	}
}

// A HEAD, which whoever checks an address sends, spends nothing.
func TestHeadSpendsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	link := b.link("main")
	for range 2 {
		if got := b.ask(http.MethodHead, "/oauth/callback?state="+link.State+"&code=x", nil); got.status != http.StatusOK || got.body != "" {
			t.Errorf("HEAD: %d, %q", got.status, got.body)
		}
	}
	if got := b.grant(link); got.status != http.StatusOK {
		t.Errorf("afterwards: %d", got.status)
	}
}

// What is named by strangers is shown as text.
func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.authority.Name = `</dd><script>alert(1)</script>` + strings.Repeat("x", 5000) + "{remedy}"
	b.authority.Timezone = "{title}\n\x1b[31m"
	link := b.link("main")
	got := b.grant(link)
	if got.status != http.StatusOK || strings.Contains(got.body, "<script") || len(got.body) > 6000 {
		t.Errorf("got %d, %d bytes: %s", got.status, len(got.body), got.body)
	}
	if result := b.result(link); strings.ContainsAny(result.Timezone, "\n\x1b") {
		t.Errorf("time zone %q", result.Timezone)
	}
}

// Nothing that is secret can be printed by mistake.
func TestPrintingShowsNothing(t *testing.T) {
	t.Parallel()
	app, token := grant.App{ID: "hush-1", Secret: "hush-2"}, grant.Token{Value: "hush-3"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb, app, token)
		fmt.Fprintf(&out, verb, []any{&app, &token, struct{ T grant.Token }{token}})
	}
	if strings.Contains(out.String(), "hush") || strings.Contains(out.String(), "68757368") {
		t.Errorf("printed: %s", out.String())
	}
}
