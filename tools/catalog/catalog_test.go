package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small is a description with one of each difficulty.
const small = `
info: {version: "9.9"}
paths:
  /things/{id}:
    parameters:
    - {name: id, in: path, required: true}
    - {name: verbose, in: query}
    put:
      operationId: updateThing
      tags: [Big Things, Other]
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/change'}
      responses:
        '200': {content: {application/json: {schema: {type: object}}}}
    delete:
      operationId: deleteThing
      tags: [Big Things]
      responses:
        '204': {description: gone}
  /things:
    post:
      operationId: makeThing
      tags: [Big Things]
      requestBody:
        content:
          application/json:
            schema: {type: object}
      responses:
        '200': {content: {application/json: {schema: {type: object}}}}
    get:
      operationId: listThings
      tags: [Big Things]
      parameters:
      - {name: starting_after, in: query}
      - {name: per_page, in: query, schema: {type: integer, maximum: 40}}
      - name: filter
        in: query
        required: true
        explode: true
        schema:
          type: object
          oneOf:
          - {properties: {email: {type: string}}, required: [email]}
          - {properties: {id: {type: string}}, required: [id]}
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/thing_list'}}}}
components:
  schemas:
    thing_list:
      properties:
        rows: {type: array}
        pages: {type: object}
    change:
      allOf:
      - {required: [base]}
      - oneOf:
        - {required: [kind, a]}
        - {required: [b, kind]}
`

const smallCatalog = `
	{
		ID: "listThings", Method: "GET", Path: "/things",
		Tag: "Big Things", Kind: Read, Docs: docs + "big-things/listthings",
		Query: []Param{{Name: "starting_after"}, {Name: "per_page"}, {Name: "email"}, {Name: "id"}},
		Items: "rows", Paging: CursorQuery, PerPage: 50,
	},
	{
		ID: "makeThing", Method: "POST", Path: "/things",
		Tag: "Big Things", Kind: Write, Docs: docs + "big-things/makething",
		Body:   OptionalBody,
		Repeat: &Repeat{Keys: []string{"key"}, Source: docs + "big-things/makething: by key"},
	},
	{
		ID: "deleteThing", Method: "DELETE", Path: "/things/{id}",
		Tag: "Big Things", Kind: Write, Docs: docs + "big-things/deletething",
		Query:  []Param{{Name: "verbose"}},
		Answer: Empty,
	},
	{
		ID: "updateThing", Method: "PUT", Path: "/things/{id}",
		Tag: "Big Things", Kind: Write, Docs: docs + "big-things/updatething",
		Query: []Param{{Name: "verbose"}}, Body: RequiredBody, BodyRequired: []string{"base", "kind"},
	},
}
`

func describe(t *testing.T, text string) *description {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := readDescription(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSource(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 5 { // maps are walked in another order every time
		d := describe(t, small)
		all, err := entries(d, []correction{{operation: "GET /things", PerPage: 50}}, map[string]repeat{"POST /things": {[]string{"key"}, pages + "big-things/makething: by key"}})
		if err != nil {
			t.Fatal(err)
		}
		src, err := source(d.Info.Version, all)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = src
		}
		if !bytes.Equal(src, first) {
			t.Fatal("the same description gave another catalog")
		}
	}
	_, literals, _ := strings.Cut(string(first), "[...]Operation{")
	if literals != smallCatalog {
		t.Errorf("got:%s\nwant:%s", literals, smallCatalog)
	}
	if !bytes.Contains(first, []byte("/references/9.9/")) {
		t.Error("links to another version")
	}
}

func TestEntriesRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		old, new    string // what is changed in the description
		corrections []correction
		repeats     map[string]repeat
		want        string
	}{
		{
			name: "a correction of nothing", corrections: []correction{{operation: "GET /nothing", PerPage: 1}},
			want: "correction of GET /nothing: no such operation",
		},
		{
			name: "a stale correction", corrections: []correction{{operation: "GET /things", Paging: "CursorQuery"}},
			want: "correction of GET /things: the description says the same by now",
		},
		{
			name: "a parameter that is optional already", corrections: []correction{{operation: "GET /things", Optional: "per_page"}},
			want: "correction of GET /things: the description says the same by now",
		},
		{name: "repeating nothing", repeats: map[string]repeat{"POST /nothing": {}}, want: "repeating POST /nothing: no such operation"},
		{name: "repeating what may be anyway", repeats: map[string]repeat{"PUT /things/{id}": {}}, want: "any PUT may be repeated"},
		{name: "repeating by unsorted keys", repeats: map[string]repeat{"POST /things": {keys: []string{"b", "a"}}}, want: "not sorted"},
		{name: "no id", old: "operationId: listThings", new: "summary: x", want: "no operationId"},
		{name: "no success", old: "'204'", new: "'404'", want: "no answer is described"},
		{name: "two lists in one answer", old: "pages: {type: object}", new: "more: {type: array}", want: "where the records are is not described"},
		{name: "no tag", old: "tags: [Big Things, Other]", new: "tags: []", want: "no tag"},
		{name: "a payload of another kind", old: "application/json:\n            schema: {$ref", new: "text/csv:\n            schema: {$ref", want: "a payload that is not JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := entries(describe(t, strings.Replace(small, tt.old, tt.new, 1)), tt.corrections, tt.repeats)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestPermission(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path string
		read bool
		want string
	}{
		{"/contacts/{contact_id}/notes", true, "Read and list users and companies"},
		{"/contacts/{id}/banners", true, "Read and write users"},
		{"/contacts", false, "Write users and companies"},
		{"/content_snippets", true, "read_write_content_snippets"},
		{"/conversations/attributes", true, ""},
		{"/messages", true, ""},
		{"/brands", true, ""},
	} {
		if got := permission(tt.path, tt.read); got != tt.want {
			t.Errorf("%s, read %t: got %q, want %q", tt.path, tt.read, got, tt.want)
		}
	}
}

// Every line about repeating says where that is known from.
func TestRepeatsHaveSources(t *testing.T) {
	t.Parallel()
	for name, r := range repeats {
		page, reason, ok := strings.Cut(strings.TrimPrefix(r.source, pages), ": ")
		if !ok || page == "" || reason == "" || !strings.HasPrefix(r.source, pages) {
			t.Errorf("%s: source %q is not a page and what it says", name, r.source)
		}
	}
}

// Every correction says why it is there and where that is known from.
func TestCorrectionsAreExplained(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range corrections {
		if c.why == "" || c.source == "" {
			t.Errorf("%s: why %q, source %q", c.operation, c.why, c.source)
		}
		if seen[c.operation] {
			t.Errorf("%s is corrected twice", c.operation)
		}
		seen[c.operation] = true
	}
}
