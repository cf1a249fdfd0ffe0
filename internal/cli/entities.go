package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"intercom-connector/shared/intercom"
)

// entitiesCommand lists the catalog.
type entitiesCommand struct {
	Word string `arg:"" optional:"" help:"Only entities with this in their name."`
}

// An entity is all operations on one path of the API.
type entity struct {
	Entity     string      `json:"entity"`
	Short      string      `json:"short"`
	Parameters []string    `json:"parameters"`
	Read       []string    `json:"read"` // how it can be read
	Blind      string      `json:"blind,omitempty"`
	Operations []operation `json:"operations"`
}

// An operation is one request on an entity, with all that the catalog knows.
type operation struct {
	ID           string       `json:"id"`
	Method       string       `json:"method"`
	Kind         string       `json:"kind"`
	Tag          string       `json:"tag"`
	Query        []queryParam `json:"query,omitempty"`
	Payload      string       `json:"payload"` // none, optional or required
	PayloadNeeds []string     `json:"payload_needs,omitempty"`
	Answer       string       `json:"answer"`
	Items        string       `json:"items,omitempty"`
	Pages        string       `json:"pages,omitempty"`
	PerPage      int          `json:"per_page,omitempty"`
	Permission   string       `json:"permission,omitempty"`
	SideEffect   string       `json:"side_effect,omitempty"`
	Docs         string       `json:"docs"`
}

type queryParam struct {
	Name     string `json:"name"`
	Required bool   `json:"required,omitempty"`
}

// Run implements the command.
func (c *entitiesCommand) Run(a *app) error {
	all := entities()
	found := slices.DeleteFunc(slices.Clone(all), func(e entity) bool { return !e.matches(c.Word) })
	if len(found) == 0 {
		var names []string
		for _, e := range all {
			names = append(names, e.Short)
		}
		slices.Sort(names)
		if near := intercom.Near(c.Word, slices.Compact(names)); len(near) > 0 {
			return usagef("no entity has %q in its name: did you mean %s?", c.Word, list(near, "or"))
		}
		return usagef("no entity has %q in its name: `connector entities` lists all", c.Word)
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, found)
	}
	return writeEntities(a.Stdout, found)
}

// entities is the catalog by paths.
func entities() []entity {
	var all []entity
	for _, o := range intercom.Operations() {
		if n := len(all); n == 0 || all[n-1].Entity != o.Entity() {
			all = append(all, entity{Entity: o.Entity(), Short: o.Short(), Parameters: o.Params(), Read: []string{}})
			if all[n].Parameters == nil {
				all[n].Parameters = []string{}
			}
		}
		e := &all[len(all)-1]
		e.Operations = append(e.Operations, operationOf(o))
		if o.Kind == intercom.Read {
			e.readBy(o)
		}
	}
	return all
}

// readBy notes how an operation can read the entity.
func (e *entity) readBy(o *intercom.Operation) {
	full := "full"
	if o.Paging != intercom.NoPaging {
		full = "full, pages"
	}
	if o.SideEffect != "" {
		full += ", with a side effect"
	}
	e.Read = append(e.Read, full)
	if inc, err := intercom.FindIncremental(o.Entity(), len(o.Params())); err == nil {
		e.Read = append(e.Read, "incremental by "+strategies[inc.Strategy])
		e.Blind = inc.Blind
	}
}

var (
	strategies = map[intercom.Strategy]string{
		intercom.BySearch: "search", intercom.ByFilter: "filter", intercom.ByWindow: "window", intercom.ByList: "list",
	}
	kinds   = map[intercom.Kind]string{intercom.Read: "read", intercom.Write: "write", intercom.Job: "job"}
	bodies  = map[intercom.Body]string{intercom.NoBody: "none", intercom.OptionalBody: "optional", intercom.RequiredBody: "required"}
	answers = map[intercom.Answer]string{
		intercom.JSON: "json", intercom.Text: "text", intercom.Binary: "binary", intercom.Empty: "empty",
	}
	pagings = map[intercom.Paging]string{
		intercom.CursorQuery: "cursor in the query", intercom.CursorBody: "cursor in the payload",
		intercom.PageQuery: "page number in the query", intercom.PageBody: "page number in the payload",
		intercom.NextURL: "URL of the next page", intercom.Scroll: "scroll", intercom.NextCursor: "next cursor",
	}
)

func operationOf(o *intercom.Operation) operation {
	out := operation{
		ID: o.ID, Method: o.Method, Kind: kinds[o.Kind], Tag: o.Tag,
		Payload: bodies[o.Body], PayloadNeeds: o.BodyRequired,
		Answer: answers[o.Answer], Items: o.Items, Pages: pagings[o.Paging], PerPage: o.PerPage,
		Permission: o.Permission, SideEffect: o.SideEffect, Docs: o.Docs,
	}
	for _, q := range o.Query {
		out.Query = append(out.Query, queryParam(q))
	}
	return out
}

func (e *entity) matches(word string) bool {
	word = strings.ToLower(strings.Trim(word, "/"))
	return strings.Contains(strings.ToLower(e.Entity), word) || strings.Contains(e.Short, word)
}

// writeEntities prints a line for each entity, and below it what its operations
// take where there are only a few.
func writeEntities(w io.Writer, all []entity) error {
	rows := [][]string{{"ENTITY", "OPERATIONS", "PARAMETERS", "READ", "DOCUMENTATION"}}
	for _, e := range all {
		var methods []string
		for _, o := range e.Operations {
			methods = append(methods, o.Method)
		}
		rows = append(rows, []string{
			e.Entity, strings.Join(methods, " "), dash(strings.Join(e.Parameters, ", ")),
			dash(strings.Join(e.Read, "; ")), e.docs(),
		})
	}
	var b strings.Builder
	if err := table(&b, rows); err != nil {
		return err
	}
	const few = 5
	if len(all) <= few {
		for _, e := range all {
			e.details(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// docs is the page of the operation that reads the entity, or of its first.
func (e *entity) docs() string {
	for _, o := range e.Operations {
		if o.Kind == "read" {
			return o.Docs
		}
	}
	return e.Operations[0].Docs
}

func (e *entity) details(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s\n", e.Entity)
	if e.Blind != "" {
		fmt.Fprintf(b, "  an incremental read cannot see everything: %s\n", e.Blind)
	}
	for _, o := range e.Operations {
		fmt.Fprintf(b, "  %s (%s): %s\n", o.Method, o.Kind, o.Docs)
		var query []string
		for _, q := range o.Query {
			if q.Required {
				q.Name += " (required)"
			}
			query = append(query, q.Name)
		}
		for _, fact := range []struct{ name, text string }{
			{"query", strings.Join(query, ", ")},
			{"payload", strings.TrimSpace(strings.TrimPrefix(o.Payload, "none") + " " + needs(o.PayloadNeeds))},
			{"pages", o.Pages},
			{"permission", o.Permission},
			{"side effect", o.SideEffect},
		} {
			if fact.text != "" {
				fmt.Fprintf(b, "    %-11s %s\n", fact.name, fact.text)
			}
		}
	}
}

func needs(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return "(needs " + list(keys, "and") + ")"
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
