package grant

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
)

// pages are what a person sees. There is one template, and what is put into it
// is escaped: html/template would double the size of the function for it.
type pages struct {
	policy string // Content-Security-Policy
}

func newPages() *pages {
	hash := sha256.Sum256([]byte(pageCSS))
	return &pages{policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
}

// A page is one filling of the template.
type page struct {
	kind, mark          string // good or bad, and its sign
	title, text, remedy string
	facts               [][2]string
}

func (p *pages) success(w http.ResponseWriter, r *http.Request, result Result) {
	filled := page{
		kind: "good", mark: "✓", title: "Access granted",
		text:   "The connector can now use the workspace. Its token has been stored.",
		remedy: strings.TrimSpace(result.Note + " You can close this page."),
	}
	for _, fact := range [][2]string{
		{"Workspace", result.WorkspaceName},
		{"Workspace id", result.Workspace},
		{"Region", strings.ToUpper(result.Region)},
		{"Time zone", result.Timezone},
		{"Client", result.Client},
	} {
		if fact[1] != "" {
			filled.facts = append(filled.facts, fact)
		}
	}
	p.write(w, r, http.StatusOK, "text/html; charset=utf-8", filled.html())
}

func (p *pages) problem(w http.ResponseWriter, r *http.Request, what *problem) {
	filled := page{kind: "bad", mark: "!", title: what.title, text: what.text, remedy: what.remedy}
	p.write(w, r, what.status, "text/html; charset=utf-8", filled.html())
}

func (p *pages) text(w http.ResponseWriter, r *http.Request, text string) {
	p.write(w, r, http.StatusOK, "text/plain; charset=utf-8", text)
}

// head answers whoever only looks whether there is something.
func (p *pages) head(w http.ResponseWriter) {
	p.header(w.Header(), "text/html; charset=utf-8")
	w.WriteHeader(http.StatusOK)
}

func (p *pages) write(w http.ResponseWriter, r *http.Request, status int, contentType, body string) {
	p.header(w.Header(), contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // a browser that has gone away misses nothing
	}
}

// header sets what keeps a page, and the address it is at, to itself.
func (p *pages) header(h http.Header, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
}

func (f *page) html() string {
	var facts strings.Builder
	for i, fact := range f.facts {
		if i == 0 {
			facts.WriteString("<dl>\n")
		}
		facts.WriteString("<dt>" + html.EscapeString(fact[0]) + "</dt><dd>" + html.EscapeString(fact[1]) + "</dd>\n")
		if i == len(f.facts)-1 {
			facts.WriteString("</dl>")
		}
	}
	return strings.NewReplacer(
		"{style}", pageCSS,
		"{kind}", f.kind,
		"{mark}", f.mark,
		"{title}", html.EscapeString(f.title),
		"{text}", html.EscapeString(f.text),
		"{facts}", facts.String(),
		"{remedy}", html.EscapeString(f.remedy),
	).Replace(pageHTML)
}
