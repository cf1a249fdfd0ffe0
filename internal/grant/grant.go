package grant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/state"
)

// Where the handler answers. A custom domain may put something before them.
const (
	CallbackPath  = "/oauth/callback"
	UninstallPath = "/oauth/uninstall"
)

// An App is what Intercom's Developer Hub gives an OAuth app. Printing it, in
// any way, shows nothing.
type App struct {
	ID     string
	Secret string
}

// Format shows nothing, whatever the verb.
func (App) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "***") }

// LogValue shows nothing.
func (App) LogValue() slog.Value { return slog.StringValue("***") }

// A Token is a token with what is known of it. Printing it, in any way, shows
// nothing.
type Token struct {
	Value         string
	Workspace     string // id
	WorkspaceName string
	Region        string // us, eu or au, "" where not told
	Timezone      string // IANA name, "" where not told
	GrantedAt     time.Time
	Version       string // set by the vault: which of the client's tokens this is
}

// Format shows nothing, whatever the verb.
func (Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "***") }

// LogValue shows nothing.
func (Token) LogValue() slog.Value { return slog.StringValue("***") }

// What a Vault does not have.
var (
	ErrNoApp   = errors.New("no client id and client secret are stored")
	ErrNoToken = errors.New("no token is stored")
)

// A Vault keeps the secrets of clients. Its errors show none of them.
type Vault interface {
	// App returns a client's app, or ErrNoApp.
	App(ctx context.Context, client string) (App, error)
	// Token returns a client's token as of now, never a cached one, or
	// ErrNoToken.
	Token(ctx context.Context, client string) (Token, error)
	// PutToken stores a client's token in place of the one before, and returns
	// its version.
	PutToken(ctx context.Context, client string, token Token) (version string, err error)
}

// Publishers are what depends on a client's token.
type Publishers interface {
	// Resume lets those of a client send again, because the version of its token
	// is new.
	Resume(ctx context.Context, client, version string) error
	// Revoked stops those of a client and tells whoever watches, because the
	// version of its token is not accepted. It does nothing where the client has
	// another version by now.
	Revoked(ctx context.Context, client, version, reason string) error
}

// A Config is what a Handler needs. Store, Vault and Publishers are required.
type Config struct {
	Stack      string // "" on a laptop
	Clients    map[string]*config.Client
	Store      state.Store
	Vault      Vault
	Publishers Publishers
	Log        *slog.Logger      // default: none
	RequestLog *slog.Logger      // of the requests to Intercom, as the clients' log_requests say; default: Log
	Transport  http.RoundTripper // to Intercom; default: ones of its own
	UserAgent  string            // default: intercom-connector
}

// A Handler takes what browsers and Intercom send: GET /oauth/callback and
// POST /oauth/uninstall. It may be used by several goroutines.
type Handler struct {
	cfg       Config
	exchanger http.RoundTripper // to the token URL
	pages     *pages
}

// New returns a Handler, or says what cfg lacks.
func New(cfg Config) (*Handler, error) {
	if cfg.Store == nil || cfg.Vault == nil || cfg.Publishers == nil {
		return nil, errors.New("grant: store, vault and publishers are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.RequestLog == nil {
		cfg.RequestLog = cfg.Log
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "intercom-connector"
	}
	h := &Handler{cfg: cfg, exchanger: cfg.Transport, pages: newPages()}
	if h.exchanger == nil {
		h.exchanger = newTransport()
	}
	return h, nil
}

// oauth returns a client that gets its token by a grant, nil for any other.
func (h *Handler) oauth(name string) *config.Client {
	if client := h.cfg.Clients[name]; client != nil && client.Auth.Type == config.OAuth {
		return client
	}
	return nil
}
