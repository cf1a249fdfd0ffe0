package blackbox_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// described is where the official description and the table of its operations
// lie, beside the checkout.
const described = "../../../shared/intercom"

// An operation is a row of the table of operations, with its description.
type operation struct {
	method, path string
	listKey      string // of a page, "(root array)" for none
	paging       string // how it pages, in words
	paged        bool
	item         *openapi3.PathItem
	described    *openapi3.Operation
}

func (o *operation) String() string { return o.method + " " + o.path }

// params are the names of the path's parameters.
func (o *operation) params() []string {
	var names []string
	for segment := range strings.SplitSeq(o.path, "/") {
		if name, is := strings.CutPrefix(segment, "{"); is {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// parameter finds a declared parameter, nil where there is none.
func (o *operation) parameter(in, name string) *openapi3.Parameter {
	for _, list := range []openapi3.Parameters{o.described.Parameters, o.item.Parameters} {
		if p := list.GetByInAndName(in, name); p != nil {
			return p
		}
	}
	return nil
}

var load = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromFile(filepath.Join(described, "intercom-2.16.yaml"))
})

// readOperations are the operations that read, or the test is skipped where
// their description does not lie beside the checkout.
func readOperations(t *testing.T) (*openapi3.T, []*operation) {
	t.Helper()
	return operationsOf(t, "read")
}

// operationsOf are the operations of some kinds, read, write or job.
func operationsOf(t *testing.T, kinds ...string) (*openapi3.T, []*operation) {
	t.Helper()
	table, err := os.ReadFile(filepath.Join(described, "operations-2.16.tsv"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the official description does not lie beside the checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	column := map[string]int{}
	for i, name := range strings.Split(lines[0], "\t") {
		name, _, _ = strings.Cut(name, "(")
		column[name] = i
	}
	var all []*operation
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if !slices.Contains(kinds, cells[column["read_write"]]) {
			continue
		}
		o := &operation{
			method: cells[column["method"]], path: cells[column["path"]],
			listKey: cells[column["list_key"]], paging: cells[column["pagination"]],
			paged: cells[column["response_kind"]] == "paginated",
		}
		o.listKey, _, _ = strings.Cut(o.listKey, "|")
		if o.item = doc.Paths.Value(o.path); o.item == nil || o.item.GetOperation(o.method) == nil {
			t.Fatalf("%s is not described", o)
		}
		o.described = o.item.GetOperation(o.method)
		all = append(all, o)
	}
	return doc, all
}

// example makes a value of a schema: its example, its default, or the least
// that has its shape.
func example(ref *openapi3.SchemaRef, depth int) any {
	if ref == nil || ref.Value == nil || depth > 6 {
		return nil
	}
	s := ref.Value
	switch {
	case s.Example != nil:
		return s.Example
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.OneOf) > 0:
		return example(s.OneOf[0], depth)
	case len(s.AnyOf) > 0:
		return example(s.AnyOf[0], depth)
	}
	object := map[string]any{}
	for _, part := range s.AllOf {
		if fields, is := example(part, depth).(map[string]any); is {
			maps.Copy(object, fields)
		}
	}
	switch {
	case s.Type.Is("string"):
		return "text"
	case s.Type.Is("integer"), s.Type.Is("number"):
		return 1734537292
	case s.Type.Is("boolean"):
		return true
	case s.Type.Is("array"):
		return []any{example(s.Items, depth+1)}
	}
	for name, property := range s.Properties {
		object[name] = example(property, depth+1)
	}
	return object
}

// contentExample is the first example of a content, or one made of its schema.
func contentExample(content *openapi3.MediaType) any {
	if content == nil {
		return nil
	}
	if content.Example != nil {
		return content.Example
	}
	for _, name := range slices.Sorted(maps.Keys(content.Examples)) {
		if e := content.Examples[name]; e.Value != nil && e.Value.Value != nil {
			return e.Value.Value
		}
	}
	return example(content.Schema, 0)
}

// answer is what the operation answers with, nil where that is not JSON.
func (o *operation) answer() any {
	for _, status := range []int{200, 201} {
		r := o.described.Responses.Status(status)
		if r == nil || r.Value == nil {
			continue
		}
		if content := r.Value.Content.Get("application/json"); content != nil {
			return contentExample(content)
		}
	}
	return nil
}

// record is what one row of the list looks like.
func (o *operation) record() map[string]any {
	list := dig(o.answer(), o.listKey)
	if rows, is := list.([]any); is && len(rows) > 0 {
		if row, is := rows[0].(map[string]any); is {
			return row
		}
	}
	r := o.described.Responses.Status(200)
	if r != nil && r.Value != nil {
		if content := r.Value.Content.Get("application/json"); content != nil && content.Schema != nil {
			whole := example(&openapi3.SchemaRef{Value: bare(content.Schema.Value)}, 0)
			if rows, is := dig(whole, o.listKey).([]any); is && len(rows) > 0 {
				if row, is := rows[0].(map[string]any); is {
					return row
				}
			}
		}
	}
	return map[string]any{"id": "1"}
}

// bare is a schema without its own example, so that one is made of its parts.
func bare(s *openapi3.Schema) *openapi3.Schema {
	c := *s
	c.Example = nil
	return &c
}

// dig follows a path of keys such as data.articles.
func dig(value any, path string) any {
	if path == "" || strings.HasPrefix(path, "(") {
		return value
	}
	for key := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

// value is one for a parameter of the path or the query.
func value(p *openapi3.Parameter, name string) string {
	if p == nil {
		return name + "-1"
	}
	var v any
	switch {
	case p.Example != nil:
		v = p.Example
	case p.Schema != nil:
		v = example(p.Schema, 0)
	}
	text := fmt.Sprint(v)
	if number, is := v.(float64); is {
		text = fmt.Sprintf("%.0f", number)
	}
	return cmp.Or(strings.ReplaceAll(text, "/", "-"), "1")
}

// pathValues has a value for each parameter of the path.
func (o *operation) pathValues() map[string]any {
	path := map[string]any{}
	for _, name := range o.params() {
		path[name] = value(o.parameter("path", name), name)
	}
	return path
}

// queryValues has a value for each parameter that the query needs.
func (o *operation) queryValues() map[string]any {
	query := map[string]any{}
	for _, list := range []openapi3.Parameters{o.item.Parameters, o.described.Parameters} {
		for _, p := range list {
			if p.Value.In == "query" && p.Value.Required && !slices.Contains(o.params(), p.Value.Name) {
				query[p.Value.Name] = value(p.Value, p.Value.Name)
			}
		}
	}
	return query
}

// subscription is the configuration that reads the operation.
func (o *operation) subscription(out string) map[string]any {
	s := map[string]any{
		"client": "main", "entity": strings.TrimPrefix(o.path, "/"),
		"to": map[string]any{"type": "file", "path": out},
	}
	if path := o.pathValues(); len(path) > 0 {
		s["path"] = path
	}
	query := o.queryValues()
	switch o.path {
	case "/events": // an object of which each member is a parameter
		delete(query, "filter")
		query["type"], query["user_id"] = "user", "3ecf64d0"
	case "/companies": // refused without a filter
		query["tag_id"] = "7"
	}
	if len(query) > 0 {
		s["query"] = query
	}
	if body := o.described.RequestBody; body != nil {
		s["payload"] = contentExample(body.Value.Content.Get("application/json"))
	}
	if o.paged {
		s["paginate"] = true
	}
	if o.path == "/contacts/{id}/banners" || o.path == "/companies/scroll" {
		s["side_effects"] = "allow"
	}
	return s
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
