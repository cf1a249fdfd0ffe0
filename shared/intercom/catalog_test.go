package intercom_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"intercom-connector/shared/intercom"
)

func key(o *intercom.Operation) string { return o.Method + " " + o.Path }

// The catalog holds together by itself.
func TestCatalog(t *testing.T) {
	t.Parallel()
	all := intercom.Operations()
	kinds := map[intercom.Kind]int{}
	byKey, byID, byShort := map[string]bool{}, map[string]bool{}, map[string]bool{}
	page := regexp.MustCompile(`^https://developers\.intercom\.com/docs/references/2\.16/rest-api/api\.intercom\.io/[a-z-]+(/[a-z]+)?$`)
	for _, o := range all {
		kinds[o.Kind]++
		for name, seen := range map[string]map[string]bool{
			key(o): byKey,
			o.ID:   byID,
			o.Method + " " + o.Short() + " " + strconv.Itoa(len(o.Params())): byShort,
		} {
			if seen[name] {
				t.Errorf("%s: %q is taken", key(o), name)
			}
			seen[name] = true
		}
		if !strings.HasPrefix(o.Path, "/") || strings.HasSuffix(o.Path, "/") {
			t.Errorf("%s: path not rooted", key(o))
		}
		if o.Tag == "" || !page.MatchString(o.Docs) {
			t.Errorf("%s: tag %q, docs %q", key(o), o.Tag, o.Docs)
		}
		if o.Kind != intercom.Read && (o.Items != "" || o.SideEffect != "") {
			t.Errorf("%s: facts of a read on something else", key(o))
		}
		if o.Paging != intercom.NoPaging && o.Items == "" {
			t.Errorf("%s: pages without records", key(o))
		}
		if o.PerPage != 0 && o.Paging == intercom.NoPaging {
			t.Errorf("%s: a page size without pages", key(o))
		}
		if o.Items != "" && o.Answer != intercom.JSON {
			t.Errorf("%s: records in an answer that is not JSON", key(o))
		}
		if body := o.Paging == intercom.CursorBody || o.Paging == intercom.PageBody; body && o.Body == intercom.NoBody {
			t.Errorf("%s: paged by a payload it does not have", key(o))
		}
		if len(o.BodyRequired) > 0 && o.Body != intercom.RequiredBody {
			t.Errorf("%s: keys required in a payload that is not", key(o))
		}
		if o.Method == http.MethodGet && (o.Body != intercom.NoBody || o.Kind != intercom.Read) {
			t.Errorf("%s: a GET with a payload or a consequence", key(o))
		}
	}
	want := map[intercom.Kind]int{intercom.Read: 114, intercom.Write: 114, intercom.Job: 3}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("operations by kind (-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(all, func(a, b *intercom.Operation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	}) {
		t.Error("not ordered by path and method")
	}
}

// The facts that the API taught and the description does not tell.
// Find looks in the catalog itself for what is written as documented.
func TestCatalogIsInOrder(t *testing.T) {
	t.Parallel()
	all := intercom.Operations()
	for i, o := range all[1:] {
		if before := all[i]; before.Path > o.Path || before.Path == o.Path && before.Method >= o.Method {
			t.Errorf("%s comes before %s", key(before), key(o))
		}
	}
}

func TestCatalogCorrections(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		operation  string
		items      string
		paging     intercom.Paging
		perPage    int
		answer     intercom.Answer
		sideEffect bool
	}{
		{operation: "GET /contacts", items: "data", paging: intercom.CursorQuery, perPage: 150},
		{operation: "POST /contacts/search", items: "data", paging: intercom.CursorBody, perPage: 150},
		{operation: "POST /conversations/search", items: "conversations", paging: intercom.CursorBody, perPage: 150},
		{operation: "POST /tickets/search", items: "tickets", paging: intercom.CursorBody, perPage: 150},
		{operation: "POST /companies/list", items: "data", paging: intercom.PageQuery, perPage: 60},
		{operation: "GET /companies/scroll", items: "data", paging: intercom.Scroll, sideEffect: true},
		{operation: "GET /contacts/{contact_id}/companies", items: "data", paging: intercom.NextURL, perPage: 60},
		{operation: "GET /contacts/{id}/merge_history", items: "data", paging: intercom.NextCursor, perPage: 150},
		{operation: "GET /contacts/{id}/banners", items: "data", sideEffect: true},
		{operation: "GET /articles/search", items: "data.articles", paging: intercom.PageQuery},
		{operation: "GET /admins/activity_logs", items: "activity_logs", paging: intercom.NextURL},
		{operation: "POST /admins/activity_logs/search", items: "activity_logs", paging: intercom.PageBody, perPage: 250},
		{operation: "GET /events", items: "events", paging: intercom.NextURL},
		{operation: "GET /fin_voice/conversation/{conversation_id}", items: "."},
		{operation: "GET /calls/{call_id}/recording", answer: intercom.Binary},
		{operation: "GET /calls/{call_id}/transcript", answer: intercom.Text},
		{operation: "GET /download/content/data/{job_identifier}", answer: intercom.Binary},
		{operation: "GET /download/reporting_data/{job_identifier}", answer: intercom.Binary},
		{operation: "POST /events", answer: intercom.Empty},
	} {
		t.Run(tt.operation, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(tt.operation, " ")
			o, err := intercom.Find(method, path, -1)
			if err != nil {
				t.Fatal(err)
			}
			if o.Items != tt.items || o.Paging != tt.paging || o.PerPage != tt.perPage || o.Answer != tt.answer || (o.SideEffect != "") != tt.sideEffect {
				t.Errorf("got %+v", *o)
			}
		})
	}
}

// Which writes may be sent twice: by their method, or by the catalog and keys
// of the payload, and no others.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		operation, payload string
		want               bool
	}{
		{"GET /contacts/{contact_id}", "", true},
		{"GET /companies/scroll", "", false},
		{"POST /contacts/search", `{"query":{}}`, true},
		{"PUT /contacts/{contact_id}", `{"name":"x"}`, true},
		{"DELETE /tags/{tag_id}", "", true},
		{"POST /companies", `{"company_id":"1"}`, true},
		{"POST /companies", `{"company_id":1}`, true},
		{"POST /companies", `{"company_id":""}`, false},
		{"POST /companies", `{"company_id":null}`, false},
		{"POST /companies", `{"name":"x"}`, false},
		{"POST /companies", "", false},
		{"POST /ai/external_pages", `{"source_id":1,"external_id":"2"}`, true},
		{"POST /ai/external_pages", `{"source_id":1}`, false},
		{"POST /custom_object_instances/{custom_object_type_identifier}", `{"external_id":"2"}`, true},
		{"POST /tags", `{"name":"vip"}`, true},
		{"POST /tags", `[]`, false},
		{"POST /events", `{"event_name":"x","user_id":"1","created_at":1700000000}`, true},
		{"POST /events", `{"event_name":"x","user_id":"1"}`, false},
		{"POST /contacts/{contact_id}/tags", `{"id":"1"}`, true},
		{"POST /contacts/{contact_id}/archive", "", true},
		{"POST /contacts/{contact_id}/unarchive", "", true},
		{"POST /contacts/{contact_id}/block", "", true},
		{"POST /contacts/{id}/banners/{view_id}/dismiss", "", true},
		{"POST /fin/csat", `{"conversation_id":"1","rating":"good"}`, true},
		{"POST /contacts", `{"email":"a@example.com"}`, false},
		{"POST /contacts/{contact_id}/notes", `{"body":"x"}`, false},
		{"POST /conversations/{conversation_id}/reply", `{"body":"x"}`, false},
		{"POST /tickets", `{"id":"1"}`, false},
		{"POST /messages", `{"id":"1"}`, false},
		{"POST /data_attributes", `{"name":"x"}`, false},
		{"PATCH /data_connectors/{id}", `{"name":"x"}`, false},
		{"POST /export/content/data", `{"created_at_after":1}`, false},
	} {
		t.Run(tt.operation+" "+tt.payload, func(t *testing.T) {
			t.Parallel()
			method, entity, _ := strings.Cut(tt.operation, " ")
			o, err := intercom.Find(method, entity, -1)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.Repeatable([]byte(tt.payload)); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
	marked := 0
	for _, o := range intercom.Operations() {
		if o.Repeat == nil {
			continue
		}
		marked++
		if page, _, _ := strings.Cut(strings.TrimPrefix(o.Repeat.Source, "https:"), ": "); "https:"+page != o.Docs {
			t.Errorf("%s: its source is %s, not its own page", key(o), o.Repeat.Source)
		}
		if o.Kind == intercom.Read || o.Method != http.MethodPost && o.Method != http.MethodPatch {
			t.Errorf("%s needs no leave to be repeated", key(o))
		}
	}
	if marked != 18 {
		t.Errorf("%d operations are marked repeatable, want 18: every one more needs a source", marked)
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"GET /contacts/{contact_id}/notes": "contacts/notes",
		"POST /contacts/search":            "contacts",
		"POST /companies/list":             "companies",
		"GET /companies/scroll":            "companies",
		"GET /help_center/collections":     "help_center/collections",
	} {
		method, entity, _ := strings.Cut(path, " ")
		o, err := intercom.Find(method, entity, -1)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Resource(); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// reference reads a file of the description's folder, which lies beside the
// repository on some machines only.
func reference(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "intercom", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the description is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An endpoint is what this test wants to know of the description.
type endpoint struct {
	OperationID string   `yaml:"operationId"`
	Tags        []string `yaml:"tags"`
	Parameters  []struct {
		Name     string `yaml:"name"`
		In       string `yaml:"in"`
		Required bool   `yaml:"required"`
	} `yaml:"parameters"`
	RequestBody *struct {
		Required bool `yaml:"required"`
		Content  map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"requestBody"`
	Responses map[string]struct {
		Content map[string]any `yaml:"content"`
	} `yaml:"responses"`
}

type schema struct {
	Ref      string   `yaml:"$ref"`
	Required []string `yaml:"required"`
	AllOf    []schema `yaml:"allOf"`
	OneOf    []schema `yaml:"oneOf"`
	AnyOf    []schema `yaml:"anyOf"`
}

func TestCatalogAgreesWithDescription(t *testing.T) {
	t.Parallel()
	var description struct {
		Paths map[string]struct {
			Get, Put, Post, Patch, Delete *endpoint
		} `yaml:"paths"`
		Components struct {
			Schemas map[string]schema `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(reference(t, "intercom-2.16.yaml"), &description); err != nil {
		t.Fatal(err)
	}
	described := map[string]*endpoint{}
	for path, item := range description.Paths {
		for method, e := range map[string]*endpoint{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete} {
			if e != nil {
				described[method+" "+path] = e
			}
		}
	}
	for _, o := range intercom.Operations() {
		e := described[key(o)]
		if e == nil {
			t.Errorf("%s is not described", key(o))
			continue
		}
		delete(described, key(o))
		if e.OperationID != "" && o.ID != e.OperationID || o.Tag != e.Tags[0] {
			t.Errorf("%s: id %s of %s, described as %s of %s", key(o), o.ID, o.Tag, e.OperationID, e.Tags[0])
		}
		if diff := cmp.Diff(queryOf(e, key(o)), o.Query, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: query (-described +catalog):\n%s", key(o), diff)
		}
		for _, p := range e.Parameters {
			if p.In == "path" && !slices.Contains(o.Params(), p.Name) {
				t.Errorf("%s: no parameter %s", key(o), p.Name)
			}
		}
		if (e.RequestBody != nil) != (o.Body != intercom.NoBody) {
			t.Errorf("%s: payload described: %t, in the catalog: %d", key(o), e.RequestBody != nil, o.Body)
		}
		if e.RequestBody != nil {
			payload := e.RequestBody.Content["application/json"].Schema
			if payload.Ref != "" {
				payload = description.Components.Schemas[strings.TrimPrefix(payload.Ref, "#/components/schemas/")]
			}
			want := slices.Sorted(slices.Values(payload.Required))
			if len(payload.AllOf)+len(payload.OneOf)+len(payload.AnyOf) > 0 {
				// Read by a person: what all variants have in common.
				var ok bool
				if want, ok = required[key(o)]; !ok {
					t.Errorf("%s: say in this test what its variants require", key(o))
				}
			}
			if diff := cmp.Diff(want, o.BodyRequired, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: required (-described +catalog):\n%s", key(o), diff)
			}
			if (e.RequestBody.Required || len(want) > 0) && o.Body != intercom.RequiredBody {
				t.Errorf("%s: the payload is required", key(o))
			}
		}
		_, isText := e.Responses["200"].Content["text/plain"]
		if isText != (o.Answer == intercom.Text) {
			t.Errorf("%s: answers with text: %t", key(o), isText)
		}
	}
	for name := range described {
		t.Errorf("%s is missing", name)
	}
}

// required is what the variants of a payload have in common.
var required = map[string][]string{
	"PUT /contacts/{contact_id}":                  nil,
	"POST /contacts":                              nil,
	"POST /conversations/{conversation_id}/parts": {"admin_id", "message_type"},
	"POST /conversations/{conversation_id}/reply": {"message_type", "type"},
	"POST /conversations/redact":                  {"conversation_id", "type"},
	"POST /conversations/attributes":              {"data_type", "name"},
	"POST /data_attributes":                       {"data_type", "model", "name"},
	"PUT /data_attributes/{data_attribute_id}":    nil,
	"POST /events":                                {"created_at", "event_name"},
	"POST /messages":                              {"from", "message_type", "to"},
	"POST /tags":                                  {"name"},
	"POST /tickets":                               {"contacts", "ticket_type_id"},
	"POST /tickets/enqueue":                       {"contacts", "ticket_type_id"},
	"POST /tickets/{ticket_id}/reply":             {"message_type", "type"},
	"PUT /tickets/{ticket_id}":                    nil,
	"PUT /visitors":                               nil,
}

// queryOf returns the query parameters that e describes, after what is known
// to be wrong with them.
func queryOf(e *endpoint, operation string) []intercom.Param {
	var query []intercom.Param
	for _, p := range e.Parameters {
		switch {
		case p.In != "query":
		case operation == "GET /events" && p.Name == "filter":
			// An object spread out: what is sent is one of its properties.
			query = append(query, intercom.Param{Name: "user_id"}, intercom.Param{Name: "intercom_user_id"}, intercom.Param{Name: "email"})
		default:
			inPath := strings.Contains(operation, "{"+p.Name+"}")
			query = append(query, intercom.Param{Name: p.Name, Required: p.Required && !inPath})
		}
	}
	return query
}

// Beside the description lies a table that was made from it and from recorded
// answers by other hands.
func TestCatalogAgreesWithTable(t *testing.T) {
	t.Parallel()
	r := csv.NewReader(bytes.NewReader(reference(t, "operations-2.16.tsv")))
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	maximum := regexp.MustCompile(`per_page\(max=(\d+)`)
	for _, row := range rows[1:] {
		cell := func(name string) string { return row[column[name]] }
		o, err := intercom.Find(cell("method"), cell("path"), -1)
		if err != nil {
			t.Error(err)
			continue
		}
		kind := map[string]intercom.Kind{"read": intercom.Read, "write": intercom.Write, "job": intercom.Job}[cell("read_write")]
		if o.Kind != kind {
			t.Errorf("%s: kind %d, want %d", key(o), o.Kind, kind)
		}
		items, _, _ := strings.Cut(cell("list_key"), "|")
		if items == "(root array)" {
			items = "."
		}
		if key(o) == "GET /contacts/{contact_id}/companies" {
			items = "data" // the schema has companies; what is served has data
		}
		if o.Items != items {
			t.Errorf("%s: items %q, want %q", key(o), o.Items, items)
		}
		if want := pagingOf(t, cell("pagination")); o.Paging != want {
			t.Errorf("%s: paging %d, want %d (%s)", key(o), o.Paging, want, cell("pagination"))
		}
		if m := maximum.FindStringSubmatch(cell("query_params")); m != nil && strconv.Itoa(o.PerPage) != m[1] {
			t.Errorf("%s: %d records a page, want %s", key(o), o.PerPage, m[1])
		}
		if (cell("has_body") == "yes") != (o.Body != intercom.NoBody) {
			t.Errorf("%s: payload %d, want %q", key(o), o.Body, cell("has_body"))
		}
	}
}

// pagingOf reads the table's prose about paging by how it begins.
func pagingOf(t *testing.T, prose string) intercom.Paging {
	t.Helper()
	for _, p := range []struct {
		prefix string
		paging intercom.Paging
	}{
		{"none", intercom.NoPaging},
		{"query.starting_after", intercom.CursorQuery},
		{"query.page/starting_after", intercom.CursorQuery},
		{"query.page", intercom.PageQuery},
		{"pages object, params undeclared", intercom.PageQuery},
		{"pages-object-only", intercom.PageQuery},
		{"pages object in response", intercom.PageBody}, // the activity log's search, whose payload declares page
		{"body.pagination", intercom.CursorBody},
		{"follow pages.next", intercom.NextURL},
		{"per_page + follow pages.next", intercom.NextURL},
		{"scroll_param", intercom.Scroll},
		{"query.cursor", intercom.NextCursor},
	} {
		if strings.HasPrefix(prose, p.prefix) {
			return p.paging
		}
	}
	t.Errorf("paging %q is not understood", prose)
	return intercom.NoPaging
}
