package blackbox_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A badLine is a line that cannot be published.
type badLine struct {
	name  string
	line  string
	words []string // of the reason
}

// Messages that cannot be published are dead, each with its line and a reason
// that a person can act on, and the others go on.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	const contact = "66f0000000000000000000aa"
	good := func(i int) string {
		return fmt.Sprintf(`{"path":{"contact_id":"%s"},"payload":{"name":"%s"}}`, contact, marker(i))
	}
	for _, tt := range []struct {
		name, config string
		lines        []badLine
	}{
		{"without a transform", updating, []badLine{
			{"not JSON", `hello`, []string{"json"}},
			{"half of an object", `{"path":{"contact_id":"1"}`, []string{"json"}},
			{"two values", `{"payload":{}} {"payload":{}}`, []string{"json"}},
			{"single quotes", `{'path':{}}`, []string{"json"}},
			{"not a number", `{"path":{"contact_id":"1"},"payload":{"n":NaN}}`, []string{"json"}},
			{"an array", `[{"path":{"contact_id":"1"}}]`, []string{"object"}},
			{"a text", `"hello"`, []string{"object"}},
			{"null", `null`, []string{"object"}},
			{"an unknown key", `{"path":{"contact_id":"1"},"paylod":{"name":"x"}}`, []string{"paylod"}},
			{"a key in capitals", `{"Path":{"contact_id":"1"},"payload":{"name":"x"}}`, []string{"Path"}},
			{"no path", `{"payload":{"name":"x"}}`, []string{"contact_id"}},
			{"another path", `{"path":{"id":"1"},"payload":{"name":"x"}}`, []string{"id"}},
			{"path is not an object", `{"path":"1","payload":{"name":"x"}}`, []string{"path"}},
			{"empty path", `{"path":{"contact_id":""},"payload":{"name":"x"}}`, []string{"contact_id"}},
			{"one dot", `{"path":{"contact_id":"."},"payload":{"name":"x"}}`, []string{"contact_id"}},
			{"two dots", `{"path":{"contact_id":".."},"payload":{"name":"x"}}`, []string{"contact_id"}},
			{"path is null", `{"path":{"contact_id":null},"payload":{"name":"x"}}`, []string{"contact_id"}},
			{"path is an object", `{"path":{"contact_id":{}},"payload":{"name":"x"}}`, []string{"contact_id"}},
			{"payload is a text", `{"path":{"contact_id":"1"},"payload":"name=x"}`, []string{"payload"}},
			{"payload is a list", `{"path":{"contact_id":"1"},"payload":[1]}`, []string{"payload"}},
			{"query is a text", `{"path":{"contact_id":"1"},"query":"a=b","payload":{}}`, []string{"query"}},
			{"query has an object", `{"path":{"contact_id":"1"},"query":{"a":{}},"payload":{}}`, []string{"a"}},
			{"id is an object", `{"id":{},"path":{"contact_id":"1"},"payload":{}}`, []string{"id"}},
			{"id is endless", `{"id":"` + strings.Repeat("x", 2000) + `","path":{"contact_id":"1"},"payload":{}}`, []string{"id"}},
			{"invalid UTF-8", "{\"path\":{\"contact_id\":\"1\"},\"payload\":{\"name\":\"\xff\xfe\"}}", []string{"utf-8"}},
			{"invalid UTF-8 in a key", "{\"path\":{\"contact_id\":\"1\"},\"payload\":{\"\xc3\":1}}", []string{"utf-8"}},
			{"too large", `{"path":{"contact_id":"1"},"payload":{"name":"` + strings.Repeat("x", 1<<20) + `"}}`, []string{"1048576"}},
			{"far too large, and not JSON", strings.Repeat("y", 5<<20), []string{"1048576"}},
			{"nested without end", strings.Repeat("[", 500_000), []string{"json"}},
		}},
		{"with a transform", "  update: {client: main, method: PUT, entity: \"contacts/{contact_id}\", message_transform: '" +
			`if .path then {path, payload} elif .two then (1, 2) elif .none then empty elif .large then {payload: {name: ("x" * 2000000)}}` +
			` elif .loop then last(range(1e12)) elif .list then [1] elif .extra then {path: {contact_id: "1"}, extra: 1} elif .text then .text + 1 else {payload: .payload} end` + "'}\n", []badLine{
			{"not JSON", `hello`, []string{"json"}},
			{"jq fails", `{"text":"a"}`, []string{"message_transform", "cannot"}},
			{"jq fails on what is no object", `[1]`, []string{"message_transform"}},
			{"two messages", `{"two":1}`, []string{"message_transform"}},
			{"no message", `{"none":1}`, []string{"message_transform"}},
			{"not an object", `{"list":1}`, []string{"object"}},
			{"unknown key", `{"extra":1}`, []string{"extra"}},
			{"no path", `{"payload":{"name":"x"}}`, []string{"contact_id"}},
			{"runs for ever", `{"loop":1}`, []string{"message_transform"}},
			{"becomes too large", `{"large":1}`, []string{"1048576"}},
			{"invalid UTF-8", "{\"path\":{\"contact_id\":\"1\xff\"}}", []string{"utf-8"}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Put("contacts", time.Now(), time.Now(), map[string]any{"id": contact, "type": "contact"})
			d := newDesk(t, writes(serve(t, ws), tt.config))
			d.must("validate")
			var b bytes.Buffer
			for i, bad := range tt.lines {
				fmt.Fprintf(&b, "%s\n%s\n", good(i), bad.line)
			}
			fmt.Fprintf(&b, "\n%s\r\n", good(len(tt.lines)))
			d.put("m.ndjson", b.Bytes())

			// What would be dead is known before anything is sent.
			rehearsal := d.call("publish", "update", "m.ndjson", "--dry-run", "-q")
			if len(ws.Requests()) > 0 {
				t.Errorf("a dry run has sent %d requests", len(ws.Requests()))
			}
			d.clean("dry run", rehearsal)

			p, r := d.publish("update", "m.ndjson")
			p.accounted(t, 2*len(tt.lines)+1)
			if r.status != 1 || p.Dead != len(tt.lines) {
				t.Errorf("want exit status 1 and %d dead: %v", len(tt.lines), r)
			}
			exactly(t, ws.Writes(), len(tt.lines)+1)
			if got := len(ws.Writes()); got != len(tt.lines)+1 {
				t.Errorf("%d writes, want %d", got, len(tt.lines)+1)
			}
			byLine := map[int]letter{}
			for _, l := range d.letters("update") {
				byLine[l.Line] = l
			}
			for i, bad := range tt.lines {
				l, is := byLine[2*i+2]
				if !is {
					t.Errorf("%s: line %d has no dead letter", bad.name, 2*i+2)
					continue
				}
				for _, word := range bad.words {
					if !contains(strings.ReplaceAll(strings.ToLower(l.Reason), ",", ""), strings.ToLower(word)) {
						t.Errorf("%s: the reason does not say %q: %s", bad.name, word, l.Reason)
					}
				}
				if l.Outcome != "dead" || len(l.Reason) > 500 {
					t.Errorf("%s: %+v", bad.name, l)
				}
			}
			for _, l := range byLine {
				d.must("dead-letters", "show", l.Key)
			}
			d.clean("publish", r)
		})
	}
}

// A file that ends in the middle of a line: the line is reported, and nothing
// of it is sent, even where a part of it would make a message.
func TestFileEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	const contact = "66f0000000000000000000aa"
	whole := fmt.Sprintf(`{"path":{"contact_id":"%s"},"payload":{"name":"%s"}}`, contact, marker(0))
	half := fmt.Sprintf(`{"path":{"contact_id":"%s"},"payload":{"name":"%s`, contact, marker(1))
	for _, tt := range []struct {
		name, file string
		done, dead int
		line       int // of the dead letter
	}{
		{"half a line", whole + "\n" + half, 1, 1, 2},
		{"half a character", whole + "\n" + half + "\xc3", 1, 1, 2},
		{"whole line without its end", whole, 1, 0, 0},
		{"after a blank line", "\n\n" + whole + "\n\n" + half, 1, 1, 5},
		{"byte order mark", "\ufeff" + whole + "\r\n" + half, 1, 1, 2},
		{"nothing but half a line", half, 0, 1, 1},
		{"one brace", whole + "\n{", 1, 1, 2},
		{"empty", "", 0, 0, 0},
		{"blank", "\n \n\t\n", 0, 0, 0},
		{"zeroes, as a crash leaves them", whole + "\n\x00\x00\x00\x00", 1, 1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Put("contacts", time.Now(), time.Now(), map[string]any{"id": contact, "type": "contact"})
			d := newDesk(t, writes(serve(t, ws), updating))
			d.put("m.ndjson", []byte(tt.file))
			p, r := d.publish("update", "m.ndjson")
			p.accounted(t, tt.done+tt.dead)
			if p.Done != tt.done || p.Dead != tt.dead || (r.status == 0) != (tt.dead == 0) {
				t.Errorf("want %d done and %d dead: %v", tt.done, tt.dead, r)
			}
			if got := len(ws.Writes()); got != tt.done {
				t.Errorf("%d writes, want %d", got, tt.done)
			}
			all := d.letters("update")
			if len(all) != tt.dead {
				t.Fatalf("%d dead letters, want %d", len(all), tt.dead)
			}
			for _, l := range all {
				if l.Line != tt.line || l.Reason == "" {
					t.Errorf("dead letter of line %d, %q; want line %d", l.Line, l.Reason, tt.line)
				}
			}
		})
	}
}

// A value of the path is one segment, whatever is in it.
func TestPathIsEscaped(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	d := newDesk(t, writes(serve(t, ws), "  del: {client: main, method: DELETE, entity: \"contacts/{contact_id}\"}\n"))
	ids := []string{"a/b", "../companies", "a?b=c", "a#b", "a%2Fb", "é 日", "a;b", "a\\b", "1/archive", "%2e%2e"}
	var messages []any
	for _, id := range ids {
		messages = append(messages, map[string]any{"path": map[string]any{"contact_id": id}})
	}
	d.putMessages("m.ndjson", messages...)
	p, r := d.publish("del", "m.ndjson")
	p.accounted(t, len(ids))
	if p.Dead != len(ids) {
		t.Errorf("want all dead, for there are no such contacts: %v", r)
	}
	for _, got := range ws.Requests() {
		if id, is := strings.CutPrefix(got.Path, "/contacts/"); got.Path != "/me" && (!is || got.Query != "" || !slices.Contains(ids, id)) {
			t.Errorf("asked %s %s?%s", got.Method, got.Path, got.Query)
		}
	}
}
