package file

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/schedule"
	"intercom-connector/internal/transform"
	"intercom-connector/shared/intercom"
)

// checkDocument turns a decoded document into a configuration. Every problem
// goes to p; the configuration is whole only where there is none.
func checkDocument(doc *Document, p *problems) (*config.Config, []Note) {
	c := &checker{problems: p, doc: doc, used: map[string]bool{}}
	cfg := &config.Config{Clients: map[string]*config.Client{}}
	if len(doc.Subscriptions) > 0 {
		cfg.Subscriptions = map[string]*config.Subscription{}
	}
	if len(doc.Publishers) > 0 {
		cfg.Publishers = map[string]*config.Publisher{}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Subscriptions)) {
		c.name(doc.node.get("subscriptions"), name, "subscription")
		if s := doc.Subscriptions[name]; s != nil {
			cfg.Subscriptions[name] = c.subscription(name, s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Publishers)) {
		c.name(doc.node.get("publishers"), name, "publisher")
		if pub := doc.Publishers[name]; pub != nil {
			cfg.Publishers[name] = c.publisher(name, pub)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Clients)) {
		c.name(doc.node.get("clients"), name, "client")
		if client := doc.Clients[name]; client != nil {
			cfg.Clients[name] = c.client(name, client)
		}
	}
	if n := doc.node.get("clients"); n != nil && len(doc.Clients) == 0 && (n.kind == mapKind || n.kind == nullKind) {
		c.add(n.keyAt, "clients is empty: there has to be one at least")
	}
	if doc.Stack != nil {
		cfg.Stack = c.stack(doc.Stack)
	}
	return cfg, c.notes
}

// A checker knows what a whole document says, and collects what is wrong or
// worth saying about it.
type checker struct {
	*problems

	doc   *Document
	used  map[string]bool // clients that something refers to
	notes []Note
}

func (c *checker) note(subject, format string, args ...any) {
	c.notes = append(c.notes, Note{Subject: subject, Text: fmt.Sprintf(format, args...)})
}

// names end up in the names of queues, functions and variables.
var names = regexp.MustCompile(`^[a-z][a-z0-9-]{0,47}$`)

func (c *checker) name(n *node, name, what string) {
	if !names.MatchString(name) {
		c.add(n.keyPlace(name), "a %s cannot be called %q: a name is a lower-case letter, then up to 47 lower-case letters, digits and dashes", what, name)
	}
}

// clientName checks a reference to a client.
func (c *checker) clientName(name string, n *node) {
	if name == "" { // missing, and said to be
		return
	}
	if _, known := c.doc.Clients[name]; known {
		c.used[name] = true
		return
	}
	all := slices.Sorted(maps.Keys(c.doc.Clients))
	if near := intercom.Near(name, all); len(near) > 0 {
		c.add(n.place("client"), "no client %q: did you mean %q?", name, near[0])
		return
	}
	c.add(n.place("client"), "no client %q: there is %s", name, list(all, "and"))
}

// duration reads a duration, or returns its default where there is none.
func (c *checker) duration(n *node, key, text string, standard, atLeast, atMost time.Duration) time.Duration {
	if text == "" {
		return standard
	}
	d, err := parseDuration(text)
	switch {
	case err != nil:
		c.add(n.place(key), "%s: %v", key, err)
	case d < atLeast:
		c.add(n.place(key), "%s cannot be less than %s", key, showDuration(atLeast))
	case atMost > 0 && d > atMost:
		c.add(n.place(key), "%s cannot be more than %s", key, showDuration(atMost))
	}
	return d
}

// program checks that a jq program compiles.
func (c *checker) program(n *node, key, source string) string {
	if source == "" {
		return ""
	}
	_, err := transform.Compile(source)
	if compile, ok := errors.AsType[*transform.CompileError](err); ok {
		where := n.place(key)
		if compile.Offset >= 0 {
			where = c.within(n.get(key), compile.Offset)
		}
		c.add(where, "%s is not a jq program: %s", key, compile.Message)
	} else if err != nil {
		c.add(n.place(key), "%s is not a jq program: %v", key, err)
	}
	return source
}

// timezone checks an IANA name.
func (c *checker) timezone(n *node, name string) {
	if _, err := schedule.Zone(name); err != nil {
		c.add(n.place("timezone"), "%v", err)
	}
}

// or returns what v points to, or a default.
func or[T any](v *T, standard T) T {
	if v == nil {
		return standard
	}
	return *v
}
