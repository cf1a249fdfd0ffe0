package doctor

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

// The bounds of an examination.
const (
	// ProbeTimeout is how long one request may take.
	ProbeTimeout = 10 * time.Second
	// total is how long everything may take.
	total = 2 * time.Minute
	// atOnce is how many requests of a client are under way.
	atOnce = 4
	// clientsAtOnce is how many clients are examined at a time.
	clientsAtOnce = 4
)

// A Token is a client's token, or where it should be.
type Token struct {
	Source intercom.TokenSource // nil: there is none
	Place  string               // "the environment variable INTERCOM_TOKEN"
	Supply string               // what somebody has to do for a good token to be there: an imperative without an end
	Err    error                // why nobody can tell whether there is one
}

// A Config is what is examined, and by what means.
type Config struct {
	Settings *config.Config
	File     string // of the settings, for remedies; default: connector.yaml
	Client   string // the only one to be examined; default: all
	// Command is a command of the connector as it is to be typed, about the same
	// configuration and stack; default: connector and its arguments.
	Command func(args ...string) string

	// Token finds the token of a client.
	Token func(ctx context.Context, client *config.Client) Token
	// Connect makes an API client that asks base; each attempt of it should end
	// after ProbeTimeout.
	Connect func(client *config.Client, base string, token intercom.TokenSource) (*intercom.Client, error)

	Machine *Machine // nil: not looked at
	Stack   *Stack   // nil: there is none
}

// Run examines everything. The error is that of ctx, and comes with what was
// found out before.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg.File = cmp.Or(cfg.File, "connector.yaml")
	if cfg.Command == nil {
		cfg.Command = func(args ...string) string { return "connector " + strings.Join(args, " ") }
	}
	bounded, cancel := context.WithTimeout(ctx, total)
	defer cancel()
	memory := cfg.recall(bounded)
	checks := cfg.clients(bounded, memory)
	if cfg.Machine != nil {
		checks = append(checks, cfg.machine(memory)...)
	}
	if cfg.Stack != nil {
		checks = append(checks, cfg.stack(bounded, memory)...)
	}
	return newReport(checks), ctx.Err()
}

// names are the clients to be examined.
func (cfg *Config) names() []string {
	if cfg.Client != "" {
		return []string{cfg.Client}
	}
	return slices.Sorted(maps.Keys(cfg.Settings.Clients))
}

// clients examines each client with its subscriptions and publishers.
func (cfg *Config) clients(ctx context.Context, memory remembered) []Check {
	names := cfg.names()
	found := make([][]Check, len(names))
	each(len(names), clientsAtOnce, func(i int) {
		p := &patient{cfg: cfg, client: cfg.Settings.Clients[names[i]], pinned: memory.workspaces[names[i]]}
		found[i] = p.examine(ctx)
	})
	return slices.Concat(found...)
}

// each calls do for 0 to n-1, several at a time.
func each(n, atOnce int, do func(i int)) {
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	all.Wait()
}
