package intercom

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// maxHops bounds the redirects, and the merges of contacts, that one request
// follows.
const maxHops = 3

// A RedirectError is a redirect that is not followed, or one that led to
// nothing. It shows the host and never the URL, whose query is often a key.
type RedirectError struct {
	Method, Path string // Path as documented
	Status       int    // of the last answer, 0 for none
	Host         string // where it led, "" where it said nowhere
	Reason       string

	temporary bool
}

// Error names the request, the host and the reason.
func (e *RedirectError) Error() string {
	to := ""
	if e.Host != "" {
		to = " to " + e.Host
	}
	return fmt.Sprintf("intercom: %s %s: redirect%s: %s", e.Method, e.Path, to, e.Reason)
}

// Temporary reports whether asking again may help, as it does for an address
// that was only good for a while.
func (e *RedirectError) Temporary() bool { return e.temporary }

// redirectTarget returns where an answer sends the client, or why it does not
// go there. from is the URL that answered.
func (c *Client) redirectTarget(op *Operation, from *url.URL, status int, h http.Header, hop int) (*url.URL, error) {
	refuse := func(host, reason string) error {
		return &RedirectError{Method: op.Method, Path: op.Path, Status: status, Host: host, Reason: reason}
	}
	if op.Method != http.MethodGet && op.Answer != Binary && op.Answer != Text {
		return nil, refuse("", "not followed for a request that may change something")
	}
	to, err := from.Parse(h.Get("Location"))
	if err != nil || h.Get("Location") == "" {
		return nil, refuse("", "it does not say where to")
	}
	to.Fragment, to.RawFragment = "", ""
	host := to.Hostname()
	switch {
	case hop > maxHops:
		return nil, refuse(host, "one too many")
	case to.User != nil:
		return nil, refuse(host, "it carries a password")
	case c.isHome(to):
		return to, nil
	case to.Scheme != "https":
		return nil, refuse(host, "not https")
	}
	if err := checkHost(host); err != nil {
		return nil, refuse(host, err.Error())
	}
	return to, nil
}

// isHome reports whether a URL is on the base URL's own server, where the token
// may go.
func (c *Client) isHome(u *url.URL) bool {
	return u.Scheme == c.baseURL.Scheme && strings.EqualFold(u.Hostname(), c.baseURL.Hostname()) && port(u) == port(c.baseURL)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}

// checkHost refuses what can be told from the name alone; guardDial looks at
// what the name resolves to.
func checkHost(host string) error {
	if host == "" || isLoopback(host) {
		return errPrivateAddress
	}
	if addr, err := netip.ParseAddr(host); err == nil && !isPublic(addr) {
		return errPrivateAddress
	}
	return nil
}

// foreignError is the failure of a request to another host, in words that do
// not blame Intercom: its 403 is a link that has expired, not a permission.
func foreignError(op *Operation, to *url.URL, status int, err error) error {
	e := &RedirectError{Method: op.Method, Path: op.Path, Status: status, Host: to.Hostname()}
	if err != nil {
		e.Reason, e.temporary = "no answer", true
		if errors.Is(err, errPrivateAddress) {
			e.Reason, e.temporary = errPrivateAddress.Error(), false
		}
		return e
	}
	e.Reason = fmt.Sprintf("answered %d %s", status, http.StatusText(status))
	e.temporary = status == http.StatusForbidden || status == http.StatusTooManyRequests || status >= 500
	return e
}
