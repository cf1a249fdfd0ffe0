package file

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

// authorizeURLs are the pages that ask for access, by region.
var authorizeURLs = map[string]string{
	"us": "https://app.intercom.com/oauth",
	"eu": "https://app.eu.intercom.com/oauth",
	"au": "https://app.au.intercom.com/oauth",
}

const (
	defaultRegion  = "us"
	defaultVersion = "2.16" // the one that the catalog describes
	// Codes of every region are exchanged at the US host.
	tokenURL = "https://api.intercom.io/auth/eagle/token" //nolint:gosec // An address, not a token.
)

var versions = regexp.MustCompile(`^(\d+\.\d+|Preview|Unstable)$`)

func (c *checker) client(name string, doc *Client) *config.Client {
	n := doc.node
	client := &config.Client{
		Name:        name,
		Region:      doc.Region,
		Version:     string(doc.Version),
		Workspace:   string(doc.Workspace),
		Timezone:    doc.Timezone,
		LogRequests: config.LogRequest(doc.LogRequests),
	}
	if doc.BaseURI != "" {
		if doc.Region != "" {
			c.add(n.place("base_uri"), "base_uri takes the place of region: give one of them")
		}
		client.Region = ""
		client.BaseURL = c.address(n, "base_uri", doc.BaseURI)
	} else {
		if client.Region == "" {
			client.Region = defaultRegion
		}
		client.BaseURL, _ = intercom.BaseURL(client.Region) // another region is a problem already
	}
	if client.Version == "" {
		client.Version = defaultVersion
	}
	if !versions.MatchString(client.Version) {
		c.add(n.place("version"), "version %q is not one of Intercom's, such as %q", client.Version, defaultVersion)
	}
	if doc.Timezone != "" {
		c.timezone(n, doc.Timezone)
	}
	if client.LogRequests == "" {
		client.LogRequests = config.LogOff
	}
	client.Auth = c.auth(doc.Auth, client)

	subject := "client " + name
	if !c.used[name] {
		c.note(subject, "No subscription and no publisher uses it.")
	}
	if client.Version != defaultVersion {
		c.note(subject, "What is known about entities and parameters is that of version %s, not %s.", defaultVersion, client.Version)
	}
	variable := config.TokenVariable(name)
	if len(c.doc.Clients) == 1 {
		variable += " or " + config.AnyTokenVariable
	}
	if client.Auth.Type == config.OAuth {
		c.note(subject, "On a laptop its token is read from the environment variable %s, or is that of `connector grant %s`.", variable, name)
	} else {
		c.note(subject, "On a laptop its token is read from the environment variable %s.", variable)
	}
	return client
}

func (c *checker) auth(doc *Auth, client *config.Client) config.Auth {
	if doc == nil {
		return config.Auth{Type: config.AccessToken}
	}
	auth := config.Auth{Type: config.AuthType(doc.Type)}
	if auth.Type != config.OAuth && auth.Type != config.AccessToken {
		return auth // said already
	}
	if auth.Type == config.AccessToken {
		for _, key := range []string{"authorize_url", "token_url", "callback_url"} {
			if doc.node.get(key) != nil {
				c.add(doc.node.keyPlace(key), "%s belongs to auth of type oauth", key)
			}
		}
		return auth
	}
	auth.AuthorizeURL, auth.TokenURL = authorizeURLs[client.Region], tokenURL
	switch {
	case doc.AuthorizeURL != "":
		auth.AuthorizeURL = c.address(doc.node, "authorize_url", doc.AuthorizeURL)
	case client.Region == "":
		c.add(doc.node.keyAt, "auth needs an authorize_url beside a base_uri: no region tells it")
	}
	switch {
	case doc.TokenURL != "":
		auth.TokenURL = c.address(doc.node, "token_url", doc.TokenURL)
	case client.Region == "":
		c.add(doc.node.keyAt, "auth needs a token_url beside a base_uri: no region tells it")
	}
	if doc.CallbackURL != "" {
		auth.CallbackURL = c.callback(doc.node, doc.CallbackURL)
	}
	return auth
}

// callback checks where browsers come back to. Intercom takes https only, also
// for a loopback address.
func (c *checker) callback(n *node, text string) string {
	const key = "callback_url"
	address := c.address(n, key, text)
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
	case u.Scheme == "http" && loopback(u.Hostname()):
		c.add(n.place(key), "callback_url has to be https: Intercom sends nobody elsewhere")
	case !strings.HasSuffix(u.Path, "/oauth/callback"):
		c.add(n.place(key), "callback_url has to end in /oauth/callback")
	}
	return address
}

// address checks a URL that tokens are sent to.
func (c *checker) address(n *node, key, text string) string {
	u, err := url.Parse(text)
	problem := ""
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		problem = "is not an address such as https://api.intercom.io"
	case u.User != nil:
		problem = "cannot hold a user name or password"
	case u.RawQuery != "" || u.ForceQuery:
		problem = "cannot have a query"
	case u.Fragment != "" || strings.Contains(text, "#"):
		problem = "cannot have a fragment"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		problem = "has to be https: a token is sent there, and http is for loopback addresses only"
	case u.Scheme != "https" && u.Scheme != "http":
		problem = fmt.Sprintf("has to be https, not %s", u.Scheme)
	case strings.Contains(u.Path, "/../") || strings.HasSuffix(u.Path, "/.."):
		problem = "cannot climb with .."
	}
	if problem != "" {
		c.add(n.place(key), "%s %s", key, problem)
	}
	return strings.TrimRight(text, "/")
}

// loopback says whether a host is this machine, whatever any name server says.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
