package publish_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"intercom-connector/internal/config"
	"intercom-connector/internal/publish"
	"intercom-connector/shared/intercom"
)

// plan makes a publisher of an order and returns the request of a message as
// one line, or why there is none.
func plan(tb testing.TB, order *config.Publisher, d publish.Delivery) (string, error) {
	tb.Helper()
	b := newBench(tb, script(), order.Method, order.Entity)
	b.order = order
	wire, err := b.publisher(tb).Wire(tb.Context(), d)
	if len(b.server.requests()) > 0 {
		tb.Errorf("a plan sent %q", b.server.requests())
	}
	return strings.TrimSpace(wire.Method + " " + strings.TrimPrefix(wire.URL, "https://api.intercom.io") + " " + string(wire.Body)), err
}

// A message over its defaults is a request.
func TestMessages(t *testing.T) {
	t.Parallel()
	c1 := "c1"
	for _, tt := range []struct {
		name, operation, message string
		path                     map[string]*string
		query                    map[string]any
		payload, program         string
		want                     string
	}{
		{name: "all of it", operation: "PUT contacts/{contact_id}", message: `{"id":"1","group":"g","path":{"contact_id":"a b/c"},"query":{"x":[1,true,"y"]},"payload":{"name":"<&>"}}`, want: `PUT /contacts/a%20b%2Fc?x=1&x=true&x=y {"name":"<&>"}`},
		{name: "a number in the path", operation: "DELETE tags/{tag_id}", message: `{"path":{"tag_id":12345678901234567890}}`, want: `DELETE /tags/12345678901234567890`},
		{name: "nothing needed", operation: "POST export/cancel/{job_identifier}", message: `{}`, path: map[string]*string{"job_identifier": &c1}, want: `POST /export/cancel/c1`},
		{name: "the message's path goes first", operation: "DELETE tags/{tag_id}", message: `{"path":{"tag_id":"2"}}`, path: map[string]*string{"tag_id": &c1}, want: `DELETE /tags/2`},
		{name: "null leaves the configured path", operation: "DELETE tags/{tag_id}", message: `{"path":{"tag_id":null}}`, path: map[string]*string{"tag_id": &c1}, want: `DELETE /tags/c1`},
		{name: "null takes a configured query away", operation: "DELETE tags/{tag_id}", message: `{"path":{"tag_id":"2"},"query":{"a":null,"c":3}}`, query: map[string]any{"a": "1", "b": json.Number("2")}, want: `DELETE /tags/2?b=2&c=3`},
		{name: "payloads are merged deeply", operation: "POST contacts", payload: `{"role":"user","custom_attributes":{"source":"crm","plan":"free"},"list":[1,2]}`, message: `{"payload":{"email":"a@example.com","custom_attributes":{"plan":"pro","n":1.50},"list":[3]}}`, want: `POST /contacts {"custom_attributes":{"n":1.50,"plan":"pro","source":"crm"},"email":"a@example.com","list":[3],"role":"user"}`},
		{name: "null is a value of a payload", operation: "POST contacts", payload: `{"role":"user","phone":"1"}`, message: `{"payload":{"phone":null}}`, want: `POST /contacts {"phone":null,"role":"user"}`},
		{name: "only the defaults", operation: "POST contacts", payload: `{"role":"user"}`, message: `{}`, want: `POST /contacts {"role":"user"}`},
		{name: "an empty payload where none goes", operation: "DELETE tags/{tag_id}", message: `{"path":{"tag_id":"2"},"payload":{}}`, want: `DELETE /tags/2`},
		{name: "DELETE with a payload", operation: "DELETE conversations/{conversation_id}/tags/{tag_id}", message: `{"path":{"conversation_id":9,"tag_id":2},"payload":{"admin_id":"7"}}`, want: `DELETE /conversations/9/tags/2 {"admin_id":"7"}`},
		{name: "large numbers keep their digits", operation: "POST contacts", message: `{"payload":{"external_id":12345678901234567890,"x":1e2}}`, want: `POST /contacts {"external_id":12345678901234567890,"x":1e2}`},
		{name: "a transform", operation: "POST contacts", program: `{payload: {email: .mail, custom_attributes: {plan}}}`, message: `{"mail":"a@example.com","plan":"pro"}`, want: `POST /contacts {"custom_attributes":{"plan":"pro"},"email":"a@example.com"}`},
		{name: "a transform of an array", operation: "POST contacts", program: `{id: .[0], payload: {email: .[1]}}`, message: `[1,"a@example.com"]`, want: `POST /contacts {"email":"a@example.com"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			method, entity, _ := strings.Cut(tt.operation, " ")
			o := order(t, method, entity)
			o.Path, o.Query, o.Payload, o.MessageTransform = tt.path, tt.query, json.RawMessage(tt.payload), tt.program
			got, err := plan(t, o, msg("m1", tt.message))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// invalidMessages are dead, each with a reason that says what to do about it.
var invalidMessages = []struct {
	name, message, program, want string
	schema                       bool // the schema refuses it, too
}{
	{"nothing", "", "", "is empty", false},
	{"blanks", "  ", "", "is empty", false},
	{"not JSON", `{"path":`, "", "is not JSON (byte 8)", false},
	{"two values", `{} {}`, "", "is not JSON", false},
	{"not UTF-8", "{\"id\":\"\xff\"}", "", "is not UTF-8", false},
	{"too large", `{"payload":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`, "", "1048576 are the most", false},
	{"not an object", `[1]`, "", "is not a JSON object", true},
	{"null", `null`, "", "is not a JSON object", true},
	{"an unknown key", `{"pahload":{}}`, "", `unknown key "pahload": id, group, path, query and payload`, true},
	{"an id that is none", `{"id":{}}`, "", "id is neither a string nor a number", true},
	{"a truth for a group", `{"group":true}`, "", "group is neither", true},
	{"a long id", `{"id":"` + strings.Repeat("x", 1025) + `"}`, "", "1025 bytes", true},
	{"path is an array", `{"path":[]}`, "", "path is not an object", true},
	{"query is a string", `{"query":"a=b","path":{"contact_id":"1"}}`, "", "query is not an object", true},
	{"payload is an array", `{"payload":[],"path":{"contact_id":"1"}}`, "", "payload is not an object", true},
	{"no path parameter", `{"payload":{}}`, "", "path parameter contact_id is missing", false},
	{"an empty one", `{"path":{"contact_id":""},"payload":{}}`, "", "path parameter contact_id is empty", true},
	{"a blank one", `{"path":{"contact_id":" "},"payload":{}}`, "", "path parameter contact_id is empty", true},
	{"one that climbs", `{"path":{"contact_id":".."},"payload":{}}`, "", "path parameter contact_id is not a name of anything", true},
	{"one that stays", `{"path":{"contact_id":"."},"payload":{}}`, "", "not a name of anything", true},
	{"one that is true", `{"path":{"contact_id":true},"payload":{}}`, "", "contact_id is neither a string nor a number", true},
	{"an unknown parameter", `{"path":{"contact_id":"1","id":"2"},"payload":{}}`, "", `unknown parameter "id"`, false},
	{"an object in the query", `{"path":{"contact_id":"1"},"query":{"a":{}},"payload":{}}`, "", `query parameter "a" is neither`, true},
	{"a list of lists", `{"path":{"contact_id":"1"},"query":{"a":[[]]},"payload":{}}`, "", `query parameter "a" is neither`, true},
	{"the transform fails", `{"secret":"planted"}`, `.a.b + .secret | error`, "message_transform: jq: ", false},
	{"the transform has two outputs", `{}`, `1, 2`, "one message, not 2", false},
	{"the transform has none", `{}`, `empty`, "one message, not 0", false},
	{"the transform makes a string", `{}`, `"x"`, "what message_transform makes of it is not a JSON object", false},
	{"the transform never ends", `{}`, `def f: f; f`, "takes too long", false},
}

func TestInvalidMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range invalidMessages {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, script(), "PUT", "contacts/{contact_id}")
			b.order.MessageTransform = tt.program
			d := msg("m1", tt.message)
			d.Line = 7
			r := b.publisher(t).Publish(t.Context(), d)
			if r.Outcome != publish.Dead || !strings.Contains(r.Reason, tt.want) || r.Line != 7 || r.ID == "" {
				t.Errorf("got %+v, want …%s…", r, tt.want)
			}
			if len(b.server.requests()) != 0 || b.letters.len() != 1 || !bytes.Equal(b.letters.all[0].Body, d.Body) || b.letters.all[0].Line != 7 {
				t.Errorf("%d requests, letters %+v", len(b.server.requests()), b.letters.all)
			}
			if strings.Contains(r.Reason, "planted") || strings.Contains(r.Reason, "\xff") {
				t.Errorf("the reason shows the message: %s", r.Reason)
			}
			if _, err := plan(t, b.order, d); err == nil {
				t.Error("it can be planned")
			}
		})
	}
}

// The operation decides whether there is a payload.
func TestPayloadNeeded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ operation, message, want string }{
		{"POST contacts/{contact_id}/notes", `{"path":{"contact_id":"1"}}`, "the payload is missing"},
		{"DELETE tags/{tag_id}", `{"path":{"tag_id":"1"},"payload":{"a":1}}`, "the payload must be left out"},
	} {
		t.Run(tt.operation, func(t *testing.T) {
			t.Parallel()
			method, entity, _ := strings.Cut(tt.operation, " ")
			if got, err := plan(t, order(t, method, entity), msg("m1", tt.message)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// Where an id and a group come from.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, message, program, id, group string
	}{
		{"from the delivery", `{"path":{"tag_id":"1"}}`, "", "sqs-1", "sqs-group"},
		{"from the message", `{"id":"m1","group":7,"path":{"tag_id":"1"}}`, "", "m1", "7"},
		{"null and nothing are none", `{"id":null,"group":"","path":{"tag_id":"1"}}`, "", "sqs-1", "sqs-group"},
		{"a message that is transformed", `{"id":42,"group":"g"}`, `{path: {tag_id: "1"}}`, "42", "g"},
		{"the transform's go first", `{"id":42,"group":"g"}`, `{id: "x\(.id)", group: "y", path: {tag_id: "1"}}`, "x42", "y"},
		{"a message whose id is none", `{"id":{"a":1},"group":[]}`, `{path: {tag_id: "1"}}`, "sqs-1", "sqs-group"},
		{"a message that is no object", `["id"]`, `{path: {tag_id: "1"}}`, "sqs-1", "sqs-group"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, script(ok(`{}`)), "DELETE", "tags/{tag_id}")
			b.order.MessageTransform = tt.program
			d := msg("sqs-1", tt.message)
			d.Group = "sqs-group"
			r := b.publisher(t).Publish(t.Context(), d)
			if r.Outcome != publish.Done || r.ID != tt.id || r.Group != tt.group {
				t.Errorf("got %+v, want id %s and group %s", r, tt.id, tt.group)
			}
		})
	}
}

// Ids come from senders, who may use addresses: the log does not show those.
func TestLogShowsNoAddress(t *testing.T) {
	t.Parallel()
	b := newBench(t, script(ok(`{}`)), "DELETE", "tags/{tag_id}")
	b.publisher(t).Publish(t.Context(), msg("ada@example.com", `{"path":{"tag_id":"1"}}`))
	if log := b.log.String(); strings.Contains(log, "ada@") || !strings.Contains(log, `"message_id":"sha256:`) {
		t.Errorf("log: %s", log)
	}
}

// Every operation that writes, and every job, can be published.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	n := 0
	for _, op := range intercom.Operations() {
		if op.Kind == intercom.Read {
			continue
		}
		n++
		t.Run(op.Method+" "+op.Path, func(t *testing.T) {
			t.Parallel()
			for _, answer := range []reply{ok(`{}`), {status: 200}, {status: 202}, {status: 204}} {
				b := newBench(t, script(answer), op.Method, op.Entity())
				message := map[string]any{"path": map[string]any{}}
				for _, name := range op.Params() {
					message["path"].(map[string]any)[name] = "1"
				}
				if op.Body != intercom.NoBody {
					message["payload"] = map[string]any{"admin_id": "1"}
				}
				body, err := json.Marshal(message)
				if err != nil {
					t.Fatal(err)
				}
				if r := b.publisher(t).Publish(t.Context(), msg("m1", string(body))); r.Outcome != publish.Done {
					t.Fatalf("%d: %+v", answer.status, r)
				}
				if op.Body != intercom.NoBody && !strings.HasSuffix(b.server.requests()[0], `{"admin_id":"1"}`) {
					t.Errorf("the payload got lost: %q", b.server.requests())
				}
			}
		})
	}
	if n != 117 {
		t.Errorf("%d operations, want 117", n)
	}
}

// jsonObject draws objects of a few keys, so that they meet.
func jsonObject(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		o := map[string]any{}
		for _, key := range []string{"a", "b", "c"} {
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 1:
				o[key] = rapid.StringN(0, 3, 9).Draw(t, "text")
			case 2:
				o[key] = nil
			case 3:
				o[key] = []any{rapid.Bool().Draw(t, "truth")}
			case 4:
				if depth > 0 {
					o[key] = jsonObject(depth-1).Draw(t, "object")
				}
			}
		}
		return o
	})
}

func TestMerge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		below, middle, above := jsonObject(3).Draw(t, "below"), jsonObject(3).Draw(t, "middle"), jsonObject(3).Draw(t, "above")
		merged := publish.Merge(below, above)
		for key := range merged {
			lower, inBelow := below[key]
			upper, inAbove := above[key]
			lowerObject, both := lower.(map[string]any)
			upperObject, ok := upper.(map[string]any)
			var want any
			switch {
			case !inAbove:
				want = lower
			case inBelow && both && ok:
				want = publish.Merge(lowerObject, upperObject)
			default:
				want = upper
			}
			if diff := cmp.Diff(want, merged[key]); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", key, diff)
			}
		}
		if len(merged) != len(publish.Merge(above, below)) {
			t.Fatal("keys got lost")
		}
		if diff := cmp.Diff(merged, publish.Merge(merged, above)); diff != "" {
			t.Fatalf("merging twice is another thing:\n%s", diff)
		}
		if diff := cmp.Diff(below, publish.Merge(below, nil)); diff != "" {
			t.Fatalf("nothing above:\n%s", diff)
		}
		copied := maps.Clone(below)
		publish.Merge(below, middle)
		if diff := cmp.Diff(copied, below); diff != "" {
			t.Fatalf("an argument was changed:\n%s", diff)
		}
	})
}

func messageSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "message.schema.json"))
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// The schema and the check of messages agree: on what they both can know.
func TestSchema(t *testing.T) {
	t.Parallel()
	schema := messageSchema(t)
	for _, tt := range invalidMessages {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(tt.message))
		if err != nil || tt.program != "" {
			continue
		}
		if err := schema.Validate(v); (err != nil) != tt.schema {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// The examples of the documentation are messages.
func TestDocumentedMessages(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "messages.md"))
	if err != nil {
		t.Fatal(err)
	}
	schema := messageSchema(t)
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1)
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, m := range examples {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(m[1]))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
}

// Whatever comes, it is a request or dead with a reason, and what the schema
// accepts is refused only for the sake of the operation.
func FuzzMessage(f *testing.F) {
	for _, tt := range invalidMessages {
		if len(tt.message) < 1000 {
			f.Add([]byte(tt.message))
		}
	}
	for _, m := range []string{putContact, noteBody, replyBody, contact, `{"id":1e400,"path":{"contact_id":-0.0}}`} {
		f.Add([]byte(m))
	}
	schema := messageSchema(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		b := newBench(t, script(ok(`{}`)), "PUT", "contacts/{contact_id}")
		r := b.publisher(t).Publish(t.Context(), publish.Delivery{ID: "m1", Body: body})
		switch r.Outcome {
		case publish.Done:
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
			if err == nil {
				err = schema.Validate(v)
			}
			if err != nil {
				t.Errorf("done, but %v", err)
			}
		case publish.Dead:
			if len(b.server.requests()) != 0 || !strings.HasPrefix(r.Reason, "the message is not valid: ") {
				t.Errorf("%q: %s", b.server.requests(), r.Reason)
			}
		default:
			t.Errorf("got %+v", r)
		}
	})
}
