package intercom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// DefaultVersion is the version of the API that the catalog describes.
const DefaultVersion = "2.16"

// A LogMode says how much of its requests a Client logs.
type LogMode string

// How much is logged.
const (
	LogOff     LogMode = "off"     // nothing; so does the empty LogMode
	LogHeaders LogMode = "headers" // a line for each request: what was asked, headers, status, duration
	LogBodies  LogMode = "bodies"  // the bodies too: all keys, but only values that say nothing about a person
)

// A Config configures a Client. Token is required.
type Config struct {
	Name      string            // of the client, for errors and the log; default: intercom
	BaseURL   string            // https, or http on a loopback address; default: the US region's
	Version   string            // of the API, sent with every request; default: DefaultVersion
	Token     TokenSource       // asked for every request
	Transport http.RoundTripper // default: one of its own, with many idle connections to one host
	Governor  *Governor         // shared by all who use the same app; default: one of its own
	Timeout   time.Duration     // of one attempt, body included; default: 60 s, because searches are slow
	MaxBody   int64             // bytes of one answer, decompressed, and of a download four times as many; default: 32 MiB
	MaxWait   time.Duration     // how long Do waits out 429s, in all; default: 2 minutes
	UserAgent string            // default: intercom-connector
	Log       *slog.Logger      // of requests; default: none
	LogMode   LogMode           // default: LogOff
}

// A Client sends requests to one workspace. It may be used by several
// goroutines, and should be made once.
type Client struct {
	cfg       Config
	base      string   // no trailing slash
	baseURL   *url.URL // the same
	transport http.RoundTripper
	foreign   http.RoundTripper // to other hosts, where a redirect leads
	sizes     sync.Map          // *Operation -> *atomic.Int64: bytes of its last answer
	jitter    func() float64
}

// New returns a Client, or an error that names every problem of cfg.
func New(cfg Config) (*Client, error) {
	setDefaults(&cfg)
	base, err := checkConfig(&cfg)
	if err != nil {
		return nil, fmt.Errorf("intercom: client %s: %w", cfg.Name, err)
	}
	c := &Client{
		cfg:       cfg,
		base:      base.String(),
		baseURL:   base,
		transport: cfg.Transport,
		foreign:   cfg.Transport,
		jitter:    cfg.Governor.jitter,
	}
	if cfg.Transport == nil {
		own := newTransport(cfg.Timeout)
		c.transport, c.foreign = own, newForeignTransport(own)
	}
	return c, nil
}

func setDefaults(cfg *Config) {
	defaultTo(&cfg.Name, "intercom")
	defaultTo(&cfg.BaseURL, regions["us"])
	defaultTo(&cfg.Version, DefaultVersion)
	defaultTo(&cfg.Timeout, 60*time.Second)
	defaultTo(&cfg.MaxBody, 32<<20)
	defaultTo(&cfg.MaxWait, 2*time.Minute)
	defaultTo(&cfg.UserAgent, "intercom-connector")
	defaultTo(&cfg.LogMode, LogOff)
	if cfg.Governor == nil {
		cfg.Governor = NewGovernor(GovernorConfig{})
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func checkConfig(cfg *Config) (*url.URL, error) {
	base, err := checkBase(cfg.BaseURL)
	errs := []error{err}
	if cfg.Token == nil {
		errs = append(errs, errors.New("no source of tokens"))
	}
	if !isVersion(cfg.Version) {
		errs = append(errs, fmt.Errorf("version %q is not one of Intercom's", cfg.Version))
	}
	if !isUserAgent(cfg.UserAgent) {
		errs = append(errs, errors.New("the user agent has characters that a header cannot carry"))
	}
	if cfg.Timeout < 0 || cfg.MaxBody < 0 || cfg.MaxWait < 0 {
		errs = append(errs, errors.New("a bound is negative"))
	}
	switch cfg.LogMode {
	case LogOff, LogHeaders, LogBodies:
	default:
		errs = append(errs, fmt.Errorf("log mode %q is not off, headers or bodies", cfg.LogMode))
	}
	return base, errors.Join(errs...)
}

// isVersion and isUserAgent are asked at every start: a pattern would take longer
// to compile than all else that a start does here.
func isVersion(s string) bool {
	return isOnly(s, 20, func(c byte) bool {
		return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '.'
	})
}

func isUserAgent(s string) bool {
	return isOnly(s, 200, func(c byte) bool { return ' ' <= c && c <= '~' })
}

// isOnly reports whether s has from 1 to longest bytes, all of them allowed.
func isOnly(s string, longest int, allowed func(c byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= longest
}

// checkBase accepts https, and http where the token does not leave the machine.
// Its errors show no more of the URL than the host.
func checkBase(raw string) (*url.URL, error) {
	base, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the base URL is not a URL")
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("the base URL must have no user, query or fragment")
	case base.Host == "" || base.Hostname() == "":
		return nil, errors.New("the base URL names no host")
	case base.Scheme == "https", base.Scheme == "http" && isLoopback(base.Hostname()):
	default:
		return nil, fmt.Errorf("the base URL of %s must be https", base.Host)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath = strings.TrimRight(base.RawPath, "/")
	return base, nil
}

// isLoopback reports whether a host name means this machine.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Governor returns the Governor of the Client.
func (c *Client) Governor() *Governor { return c.cfg.Governor }

// Name returns the name of the Client.
func (c *Client) Name() string { return c.cfg.Name }

// Version returns the version of the API that the Client asks for.
func (c *Client) Version() string { return c.cfg.Version }

// Close closes idle connections. The Client can still be used.
func (c *Client) Close() {
	for _, t := range []http.RoundTripper{c.transport, c.foreign} {
		if t, ok := t.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
}

// priority is how the Governor treats an operation.
func priority(op *Operation) Priority {
	if op.Kind == Read {
		return Reading
	}
	return Writing
}

// Send makes one attempt at a request that the Governor has admitted: the
// caller has called Take or Wait, and Send calls Done, once, whatever happens.
//
// Besides *ParamError and *PayloadError, the error is an [*APIError] for an
// answer outside 2xx (a [*RateLimitError] for a 429), a [*TransportError] where
// no complete answer came, an [*AnswerError] or a [*BodyTooLargeError] where
// the answer cannot be used, a [*RedirectError] for a redirect that leads
// nowhere. [Temporary] and [Shrink] tell what to do about it.
func (c *Client) Send(ctx context.Context, req *Request) (*Response, error) {
	wire, err := c.Wire(req)
	if err != nil {
		out := Outcome{Err: err}
		if req != nil {
			out.Operation = req.Operation
		}
		c.cfg.Governor.Done(out)
		return nil, err
	}
	return c.send(ctx, req.Operation, &wire)
}
