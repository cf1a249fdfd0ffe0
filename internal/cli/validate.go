package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
)

// validateCommand checks the configuration, and says what it means, for a
// deployed stack, too.
type validateCommand struct{ stackFlags }

// A validation is the result as JSON.
type validation struct {
	OK            bool                `json:"ok"`
	Problems      []problem           `json:"problems,omitempty"`
	Clients       []validClient       `json:"clients,omitempty"`
	Subscriptions []validSubscription `json:"subscriptions,omitempty"`
	Publishers    []validPublisher    `json:"publishers,omitempty"`
	Notes         []string            `json:"notes,omitempty"`
	Stack         *stackValidation    `json:"stack,omitempty"`
}

type problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Source  string `json:"source"`
}

type validClient struct {
	Name          string `json:"name"`
	BaseURL       string `json:"base_url"`
	Version       string `json:"version"`
	TokenVariable string `json:"token_variable"`
	TokenSet      bool   `json:"token_set"`
	Granted       bool   `json:"granted,omitempty"` // a grant on this machine has left a token
}

type validSubscription struct {
	Name      string      `json:"name"`
	Client    string      `json:"client"`
	Operation string      `json:"operation"`
	Sync      config.Sync `json:"sync"`
	To        string      `json:"to"`
	Enabled   bool        `json:"enabled"`
	Schedule  string      `json:"schedule,omitempty"`
	Timezone  string      `json:"timezone,omitempty"`
	Next      []time.Time `json:"next,omitempty"`
}

type validPublisher struct {
	Name      string `json:"name"`
	Client    string `json:"client"`
	Operation string `json:"operation"`
	Enabled   bool   `json:"enabled"`
}

// Run implements the command.
func (c *validateCommand) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	cfg, notes, err := a.load()
	var problems file.Errors
	if errors.As(err, &problems) && a.global.JSON {
		v := validation{}
		for _, p := range problems {
			v.Problems = append(v.Problems, problem{p.File, p.Line, p.Column, p.Message, p.Source})
		}
		if err := writeJSON(a.Stdout, v); err != nil {
			return err
		}
		return &statusError{statusUsage}
	}
	if err != nil {
		return err
	}
	v := a.validation(cfg, notes)
	if c.deployed() {
		d, err := a.stack(ctx, c.stackFlags)
		if err != nil {
			return err
		}
		if v.Stack, err = a.compare(ctx, cfg, d); err != nil {
			return err
		}
		v.OK = len(v.Stack.Refused) == 0
	}
	if a.global.JSON {
		err = writeJSON(a.Stdout, v)
	} else {
		err = v.write(a.Stdout)
	}
	if err != nil || v.OK {
		return err
	}
	for i := range v.Stack.Refused {
		a.complain("%s", v.Stack.Refused[i].String())
	}
	return &statusError{statusUsage}
}

func (a *app) validation(cfg *config.Config, notes []file.Note) validation {
	v := validation{OK: true}
	for _, name := range slices.Sorted(maps.Keys(cfg.Clients)) {
		client := cfg.Clients[name]
		variable, set := a.tokenVariable(cfg, name)
		v.Clients = append(v.Clients, validClient{name, client.BaseURL, client.Version, variable, set, a.granted(name)})
	}
	now := time.Now()
	for _, name := range slices.Sorted(maps.Keys(cfg.Subscriptions)) {
		sub := cfg.Subscriptions[name]
		s := validSubscription{
			Name: name, Client: sub.Client, Operation: sub.Method + " /" + sub.Route,
			Sync: sub.Sync, To: strings.TrimSpace(sub.To.Type + " " + sub.To.Name), Enabled: sub.Enabled,
		}
		if sub.Schedule != nil {
			s.Schedule, s.Timezone = sub.Schedule.String(), sub.Schedule.Timezone()
			at := now
			for range 3 {
				next, ok := sub.Schedule.Next(at)
				if !ok {
					break
				}
				s.Next = append(s.Next, next)
				at = next
			}
		}
		v.Subscriptions = append(v.Subscriptions, s)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Publishers)) {
		p := cfg.Publishers[name]
		v.Publishers = append(v.Publishers, validPublisher{name, p.Client, p.Method + " /" + p.Route, p.Enabled})
	}
	for _, note := range notes {
		v.Notes = append(v.Notes, note.String())
	}
	return v
}

func (v *validation) write(w io.Writer) error {
	var b strings.Builder
	if v.OK {
		b.WriteString("ok\n")
	} else {
		b.WriteString("the configuration is good, and must not be deployed to stack " + v.Stack.Name + ": messages would be lost\n")
	}
	var rows [][]string
	for _, c := range v.Clients {
		token := c.TokenVariable + " is not set"
		if c.TokenSet {
			token = c.TokenVariable + " is set"
		} else if c.Granted {
			token = "access was granted on this machine"
		}
		rows = append(rows, []string{"client", c.Name, c.BaseURL, "version " + c.Version, token})
	}
	for _, s := range v.Subscriptions {
		rows = append(rows, []string{"subscription", s.Name, s.Operation, string(s.Sync), "to " + s.To + disabled(s.Enabled)})
	}
	for _, p := range v.Publishers {
		rows = append(rows, []string{"publisher", p.Name, p.Operation, "", strings.TrimSpace(disabled(p.Enabled))})
	}
	if err := table(&b, rows); err != nil {
		return err
	}
	v.writeFirings(&b)
	for i, note := range v.Notes {
		if i == 0 {
			b.WriteString("\nnotes\n")
		}
		fmt.Fprintf(&b, "  %s\n", note)
	}
	if v.Stack != nil && len(v.Stack.Warnings) > 0 {
		b.WriteString("\nstack " + v.Stack.Name + "\n")
		for _, warning := range v.Stack.Warnings {
			fmt.Fprintf(&b, "  %s\n", oneLine(warning))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func disabled(enabled bool) string {
	if enabled {
		return ""
	}
	return " (not enabled)"
}

func (v *validation) writeFirings(b *strings.Builder) {
	var rows [][]string
	for _, s := range v.Subscriptions {
		if s.Schedule == "" {
			continue
		}
		var next []string
		for _, t := range s.Next {
			next = append(next, t.Format("Mon 2006-01-02 15:04:05 MST"))
		}
		rows = append(rows, []string{"  " + s.Name, s.Schedule, s.Timezone, strings.Join(next, ", ")})
	}
	if len(rows) > 0 {
		b.WriteString("\nnext runs\n")
		_ = table(b, rows) // a Builder takes everything
	}
}
