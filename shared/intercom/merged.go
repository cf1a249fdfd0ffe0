package intercom

import (
	"net/http"
	"net/url"
	"strings"
)

// linkPattern matches one link of a Link header and its parameters.
var linkPattern = lazily(`<([^<>]*)>((?:\s*;\s*[^,;<>]+)*)`)

// canonicalLink returns the target of the link with rel=canonical, or "".
func canonicalLink(h http.Header) string {
	for _, value := range h.Values("Link") {
		for _, m := range linkPattern().FindAllStringSubmatch(value, -1) {
			for param := range strings.SplitSeq(m[2], ";") {
				name, rel, _ := strings.Cut(strings.TrimSpace(param), "=")
				if strings.EqualFold(name, "rel") && strings.EqualFold(strings.Trim(rel, `"`), "canonical") {
					return m[1]
				}
			}
		}
	}
	return ""
}

// MergedInto returns the id of the contact that the one asked for was merged
// into, or "" where the error is not about that or does not say it. Client
// follows it for reads; whether a write is meant for the other contact too is
// for the caller to know.
func (e *APIError) MergedInto() string {
	to, err := url.Parse(e.canonical)
	if err != nil {
		return ""
	}
	before, last, found := cutLast(strings.TrimRight(to.EscapedPath(), "/"))
	if _, parent, _ := cutLast(before); !found || parent != "contacts" {
		return ""
	}
	id, err := url.PathUnescape(last)
	if err != nil || id == "." || id == ".." || strings.Contains(id, "/") {
		return ""
	}
	return id
}

// cutLast cuts a path before its last segment.
func cutLast(path string) (before, last string, found bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// mergedURL returns where a request for a merged contact goes on: the same
// request for the contact that it was merged into, on the client's own base.
// Of the link only /contacts/{id} is used, so it can lead nowhere else. "" is
// a link that does not fit.
func (c *Client) mergedURL(op *Operation, from *url.URL, link string) string {
	to, err := url.Parse(link)
	if err != nil || op.Method != http.MethodGet {
		return ""
	}
	path := strings.TrimPrefix(to.EscapedPath(), c.baseURL.EscapedPath())
	target := strings.Split(strings.Trim(path, "/"), "/")
	asked := strings.Split(strings.TrimPrefix(op.Path, "/"), "/")
	if len(target) != 2 || target[0] != "contacts" || asked[0] != "contacts" || len(asked) < 2 {
		return ""
	}
	id, err := url.PathUnescape(target[1])
	if err != nil || id == "" || id == "." || id == ".." || strings.Contains(id, "/") {
		return ""
	}
	segments := []string{"contacts", url.PathEscape(id)}
	if strings.HasPrefix(asked[1], "{") {
		// A list of the contact's own: contacts/{contact_id}/notes.
		sent := strings.Split(strings.TrimPrefix(from.EscapedPath(), c.baseURL.EscapedPath()+"/"), "/")
		if len(sent) != len(asked) {
			return ""
		}
		segments = append(segments, sent[2:]...)
	}
	next := c.base + "/" + strings.Join(segments, "/")
	if from.RawQuery != "" {
		next += "?" + from.RawQuery
	}
	return next
}
