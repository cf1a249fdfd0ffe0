package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An entry is one operation on its way into the catalog. Kind, Body, Answer
// and Paging are the names of the constants in shared/intercom.
type entry struct {
	ID, Method, Path, Tag, Kind, Docs string

	Query        []param
	Body         string // "" for NoBody
	BodyRequired []string

	Answer  string // "" for JSON
	Items   string
	Paging  string // "" for NoPaging
	PerPage int

	Permission, SideEffect string

	Repeat repeat // no source: must not be repeated, or the method says that it may
}

type param struct {
	Name     string
	Required bool
}

func (e *entry) String() string { return e.Method + " " + e.Path }

// entries makes the catalog: what d says, corrected and completed, by path and
// then method.
func entries(d *description, fixes []correction, again map[string]repeat) ([]*entry, error) {
	var all []*entry
	byName := map[string]*entry{}
	for path, item := range d.Paths {
		for method, ep := range map[string]*endpoint{
			"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete,
		} {
			if ep == nil {
				continue
			}
			e, err := d.entry(method, path, ep, item.Parameters)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			all = append(all, e)
			byName[e.String()] = e
		}
	}
	for _, c := range fixes {
		e := byName[c.operation]
		if e == nil {
			return nil, fmt.Errorf("correction of %s: no such operation", c.operation)
		}
		if !c.apply(e) {
			return nil, fmt.Errorf("correction of %s: the description says the same by now", c.operation)
		}
	}
	if err := addRepeats(byName, again); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *entry) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.Method, b.Method)
	})
	for _, e := range all {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", e, err)
		}
	}
	return all, nil
}

// check refuses an entry that the description left unclear and no correction
// has settled.
func (e *entry) check() error {
	switch {
	case e.ID == "":
		return errors.New("no operationId: make one up in corrections.go")
	case e.Answer == unclear:
		return errors.New("no answer is described: say in corrections.go what comes back")
	case e.Items == unclear:
		return errors.New("where the records are is not described: say it in corrections.go")
	case e.Paging != "" && e.Items == "":
		return fmt.Errorf("pages of %s, but no records in them", e.Paging)
	}
	return nil
}

// unclear marks what must be settled by a correction.
const unclear = "?"

func (d *description) entry(method, path string, ep *endpoint, shared []parameter) (*entry, error) {
	if len(ep.Tags) == 0 {
		return nil, errors.New("no tag")
	}
	e := &entry{
		ID: ep.ID, Method: method, Path: path, Tag: ep.Tags[0],
		Kind:       kind(method, path),
		Docs:       docs(ep.Tags[0], ep.ID),
		Permission: permission(path, kind(method, path) == "Read"),
	}
	for _, p := range slices.Concat(shared, ep.Parameters) {
		if p.In == "query" {
			e.Query = append(e.Query, d.params(p)...)
		}
	}
	var payload *schema
	if ep.Request != nil {
		payload = ep.Request.Content["application/json"].Schema
		if payload == nil {
			return nil, errors.New("a payload that is not JSON")
		}
		e.Body = "OptionalBody"
		if ep.Request.Required || d.needsKey(payload) {
			e.Body = "RequiredBody"
		}
		e.BodyRequired = d.required(payload)
	}
	content, answer := success(ep.Responses)
	e.Answer = answer
	if e.Kind != "Read" {
		return e, nil
	}
	e.Items = d.items(content)
	if e.Items != "" {
		e.Paging = d.paging(e.Query, payload)
	}
	if e.Paging != "" {
		e.PerPage = d.perPage(slices.Concat(shared, ep.Parameters), payload)
	}
	return e, nil
}

// params returns what p looks like in a URL: one parameter, or the properties
// of an object that is spread out.
func (d *description) params(p parameter) []param {
	_, s := d.resolve(p.Schema)
	if s.Type != "object" || !p.Explode {
		return []param{{p.Name, p.Required}}
	}
	always := d.required(s)
	var all []param
	for _, variant := range slices.Concat([]*schema{s}, s.OneOf, s.AnyOf) {
		for _, name := range slices.Sorted(maps.Keys(variant.Properties)) {
			all = append(all, param{name, p.Required && slices.Contains(always, name)})
		}
	}
	return all
}

// success returns the schema of a 2xx answer and the name of its Answer.
func success(responses map[string]response) (content *schema, answer string) {
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		r := responses[status]
		if m, ok := r.Content["application/json"]; ok {
			return m.Schema, ""
		}
		if _, ok := r.Content["text/plain"]; ok {
			return nil, "Text"
		}
		return nil, "Empty"
	}
	return nil, unclear
}

// items says where a read's answer has its records: "" for a single object.
func (d *description) items(content *schema) string {
	name, s := d.resolve(content)
	if s.Type == "array" {
		return "."
	}
	if !strings.HasSuffix(name, "_list") && !d.listType(s) {
		return ""
	}
	var arrays []string
	for key, p := range s.Properties {
		if d.isArray(p) {
			arrays = append(arrays, key)
		}
	}
	if len(arrays) != 1 {
		return unclear
	}
	return arrays[0]
}

// listType reports whether the type property of s names a list, as "list" and
// "admin.list" do.
func (d *description) listType(s *schema) bool {
	t := d.property(s, "type")
	if t == nil {
		return false
	}
	return slices.ContainsFunc(append(slices.Clone(t.Enum), t.Example), func(v any) bool {
		text, ok := v.(string)
		return ok && (text == "list" || strings.HasSuffix(text, ".list"))
	})
}

// paging tells from its parameters how a list is paged.
func (d *description) paging(query []param, payload *schema) string {
	has := func(name string) bool {
		return slices.ContainsFunc(query, func(p param) bool { return p.Name == name })
	}
	switch {
	case has("starting_after"):
		return "CursorQuery"
	case has("scroll_param"):
		return "Scroll"
	case has("cursor"):
		return "NextCursor"
	case has("page"):
		return "PageQuery"
	case d.property(payload, "pagination") != nil:
		return "CursorBody"
	case d.property(payload, "page") != nil:
		return "PageBody"
	}
	return ""
}

// perPage returns the largest page that is declared, 0 where none is.
func (d *description) perPage(params []parameter, payload *schema) int {
	for _, p := range params {
		if p.Name == "per_page" && p.Schema != nil {
			return p.Schema.Maximum
		}
	}
	if p := d.property(payload, "per_page"); p != nil {
		return p.Maximum
	}
	return 0
}

// docs is the path of Intercom's page under docsBase: the operation's own, or
// the one of its group where the description has no id to make a page from.
func docs(tag, id string) string {
	page := strings.ReplaceAll(strings.ToLower(tag), " ", "-")
	if id != "" {
		page += "/" + strings.ToLower(id)
	}
	return page
}

// kind is what an operation does: a GET reads, anything else writes, unless
// kinds knows better.
func kind(method, path string) string {
	if k, ok := kinds[method+" "+path]; ok {
		return k
	}
	if method == "GET" {
		return "Read"
	}
	return "Write"
}
