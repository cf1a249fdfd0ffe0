package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/shared/intercom"
)

// load reads and checks the configuration.
func (a *app) load() (*config.Config, []file.Note, error) {
	path := a.global.Config
	data, err := file.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, usagef("there is no %s: `connector init` writes one, --config names another", path)
	}
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return file.Check(path, data)
}

// subscription finds one by its name.
func subscription(cfg *config.Config, name string) (*config.Subscription, error) {
	if sub := cfg.Subscriptions[name]; sub != nil {
		return sub, nil
	}
	if cfg.Publishers[name] != nil {
		return nil, usagef("%s is a publisher: `connector publish %s` sends messages through it, and shows its requests with --dry-run", name, name)
	}
	return nil, unknownName("subscription", name, slices.Sorted(maps.Keys(cfg.Subscriptions)))
}

// publisher finds one by its name.
func publisher(cfg *config.Config, name string) (*config.Publisher, error) {
	if pub := cfg.Publishers[name]; pub != nil {
		return pub, nil
	}
	if cfg.Subscriptions[name] != nil {
		return nil, usagef("%s is a subscription: `connector run %s` reads it", name, name)
	}
	return nil, unknownName("publisher", name, slices.Sorted(maps.Keys(cfg.Publishers)))
}

// unknownName says which names there are, or which one is meant.
func unknownName(what, name string, all []string) error {
	if near := intercom.Near(name, all); len(near) > 0 {
		return usagef("no %s %q: did you mean %s?", what, name, list(near, "or"))
	}
	if len(all) == 0 {
		return usagef("no %s %q: the configuration has none", what, name)
	}
	return usagef("no %s %q: there is %s", what, name, list(all, "and"))
}

// publisherOf is a publisher of a client, the first by name.
func publisherOf(cfg *config.Config, client string) string {
	for _, name := range slices.Sorted(maps.Keys(cfg.Publishers)) {
		if cfg.Publishers[name].Client == client {
			return name
		}
	}
	return client
}

// subscriptions finds those that are meant, each once.
func subscriptions(cfg *config.Config, names []string, all bool) ([]*config.Subscription, error) {
	known := slices.Sorted(maps.Keys(cfg.Subscriptions))
	switch {
	case all && len(names) > 0:
		return nil, usagef("give names or --all, not both")
	case all:
		for _, name := range known {
			if cfg.Subscriptions[name].Enabled {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return nil, usagef("the configuration has no subscription that is enabled")
		}
	case len(names) == 0:
		return nil, usagef("name a subscription, or --all of them: there is %s", list(known, "and"))
	}
	var subs []*config.Subscription
	for _, name := range names {
		sub, err := subscription(cfg, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(subs, sub) {
			subs = append(subs, sub)
		}
	}
	return subs, nil
}

// tokenVariable is the environment variable that has the token of a client, or
// the one it should be in where no variable has it.
func (a *app) tokenVariable(cfg *config.Config, client string) (variable string, set bool) {
	own := config.TokenVariable(client)
	variables := []string{own}
	if len(cfg.Clients) == 1 {
		variables = append(variables, config.AnyTokenVariable)
	}
	for _, variable := range variables {
		if strings.TrimSpace(a.Getenv(variable)) != "" {
			return variable, true
		}
	}
	return own, false
}

// A missingTokenError says where a token can come from.
type missingTokenError struct {
	client, variable string
	grant            string // the command that gets one, "" for a client without OAuth
}

func (e *missingTokenError) Error() string {
	if e.grant != "" {
		return fmt.Sprintf("there is no token for client %s: `%s` gets one, or set the environment variable %s", e.client, e.grant, e.variable)
	}
	return fmt.Sprintf("there is no token for client %s: set the environment variable %s", e.client, e.variable)
}

// token is the token of a client: the environment's, else that of the last
// grant on this machine.
func (a *app) token(cfg *config.Config, client string) (intercom.TokenSource, error) {
	variable, set := a.tokenVariable(cfg, client)
	if set {
		return intercom.StaticToken(strings.TrimSpace(a.Getenv(variable))), nil
	}
	has, err := a.secrets().HasToken(client)
	if err == nil && !has {
		return nil, &usageError{&missingTokenError{client: client, variable: variable, grant: a.grantAdvice(cfg, client)}}
	}
	return a.secrets().Source(client), err
}

// granted reports whether a grant on this machine has left a token for a client,
// as far as that can be seen.
func (a *app) granted(client string) bool {
	has, err := a.secrets().HasToken(client)
	return err == nil && has
}

// grantAdvice is the command that gets a token for a client, "" where it needs
// another kind.
func (a *app) grantAdvice(cfg *config.Config, client string) string {
	if c := cfg.Clients[client]; c == nil || c.Auth.Type != config.OAuth {
		return ""
	}
	return commandText(a.commandArgs("grant", client))
}

// beside is a path of the configuration: relative to the file.
func (a *app) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(a.global.Config), path)
}
