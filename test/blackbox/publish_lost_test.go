package blackbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// texts are what people write, and what is hard to know again once it has come
// back as markup.
var texts = []string{
	"plain", "two\nlines", "a < b && c > d", "<3 \"quoted\" 'so'", "<b>bold</b> and <i>not</i>",
	"<p>a paragraph</p>", "&amp; &lt;b&gt; as it is", "日本語 😀 :)", "https://example.org/?a=1&b=2", "   spaces   ",
	"<ul><li>one</li><li>two</li></ul>", "?!", "ÄÖÜ ß",
}

// An answer that is lost although the request was applied is not sent again,
// whatever the text is made of.
func TestLostAnswerIsFound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, config, publisher, kind string
		message                       func(id, text string) map[string]any
	}{
		{"note", noting, "note", "contacts", func(id, text string) map[string]any {
			return map[string]any{"path": map[string]any{"contact_id": id}, "payload": map[string]any{"body": text, "admin_id": 814860}}
		}},
		{"reply of an admin", replying, "reply", "conversations", func(id, text string) map[string]any {
			return map[string]any{
				"path":    map[string]any{"conversation_id": id},
				"payload": map[string]any{"message_type": "comment", "type": "admin", "admin_id": "814860", "body": text},
			}
		}},
		{"note in a conversation", replying, "reply", "conversations", func(id, text string) map[string]any {
			return map[string]any{
				"path":    map[string]any{"conversation_id": id},
				"payload": map[string]any{"message_type": "note", "type": "admin", "admin_id": 814860, "body": text},
			}
		}},
		{"reply of a contact", replying, "reply", "conversations", func(id, text string) map[string]any {
			return map[string]any{
				"path":    map[string]any{"conversation_id": id},
				"payload": map[string]any{"message_type": "comment", "type": "user", "intercom_user_id": "66f0aa", "body": text},
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill(tt.kind, len(texts), 24*time.Hour)
			ws.Fault = func(_ int, r *http.Request) mock.Fault {
				if r.Method == http.MethodPost {
					return mock.Broken
				}
				return mock.None
			}
			d := newDesk(t, writes(serve(t, ws), tt.config))
			var messages []any
			for i, id := range ws.IDs(tt.kind) {
				messages = append(messages, tt.message(id, texts[i]))
			}
			d.putMessages("m.ndjson", messages...)
			d.published(tt.publisher, len(texts), "m.ndjson")
			times := map[string]int{}
			for _, w := range ws.Writes() {
				if times[w.Path+w.Body]++; times[w.Path+w.Body] == 2 {
					t.Errorf("sent twice: %s", w.Body)
				}
			}
		})
	}
}

// The look for what was lost can go wrong as everything else can.
func TestLookForWhatWasLostGoesWrong(t *testing.T) {
	t.Parallel()
	for _, fault := range []mock.Fault{
		mock.Limited, mock.Broken, mock.Gateway, mock.EmptyBody, mock.CutBody, mock.Hangup, mock.Reset, mock.Slow,
	} {
		for _, kind := range []string{"contacts", "conversations"} {
			t.Run(fmt.Sprintf("%v, %s", fault, kind), func(t *testing.T) {
				t.Parallel()
				ws := amsterdam(t)
				ws.Fill(kind, 3, 24*time.Hour)
				gone := 0
				ws.Fault = func(_ int, r *http.Request) mock.Fault {
					switch {
					case r.Method == http.MethodPost:
						return mock.Broken
					case r.URL.Path != "/me" && gone < 2:
						gone++
						return fault
					}
					return mock.None
				}
				message, publisher, config := noteTo, "note", noting
				if kind == "conversations" {
					message, publisher, config = replyTo, "reply", replying
				}
				d := newDesk(t, writes(serve(t, ws), config))
				d.putMessages("m.ndjson", message(ws.IDs(kind)[0], 0))
				d.published(publisher, 1, "m.ndjson")
				exactly(t, ws.Writes(), 1)
				if gone < 2 && fault != mock.Slow {
					t.Errorf("it was looked for %d times", gone)
				}
			})
		}
	}
}

// What cannot be looked for is never sent twice: it is unknown, and says so.
func TestLostAnswerThatCannotBeFound(t *testing.T) {
	t.Parallel()
	for _, fault := range []mock.Fault{mock.Broken, mock.Gateway, mock.CutBody, mock.Hangup, mock.Reset, mock.Hangup.Before()} {
		t.Run(fault.String(), func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill("contacts", 1, time.Hour)
			sent := 0
			ws.Fault = func(_ int, r *http.Request) mock.Fault {
				if r.Method == http.MethodPost {
					if sent++; sent == 2 {
						return fault
					}
				}
				return mock.None
			}
			d := newDesk(t, writes(serve(t, ws), messaging))
			contact := ws.IDs("contacts")[0]
			d.putMessages("m.ndjson", messageTo(contact, 0), messageTo(contact, 1), messageTo(contact, 2))
			p, r := d.publish("message", "m.ndjson")
			p.accounted(t, 3)
			if r.status != 1 || p.Unknown != 1 || p.Done != 2 || !contains(r.stderr, "line 2") {
				t.Errorf("want line 2 to be unknown: %v", r)
			}
			if all := d.letters("message"); len(all) != 1 || all[0].Line != 2 || all[0].Outcome != "unknown" {
				t.Errorf("dead letters: %+v", all)
			}
			// Neither another go nor a retry of all sends it.
			d.publish("message", "m.ndjson")
			d.call("dead-letters", "retry", "--all")
			if sent != 3 {
				t.Errorf("%d requests for 3 messages", sent)
			}
		})
	}
}

// A request whose answer never comes, or that was lost on its way, is looked
// for until Intercom has surely stopped working on it, and sent again only
// then. That takes a minute and a half.
func TestLostOnTheWay(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute and a half")
	}
	ws := amsterdam(t)
	ws.Fill("contacts", 6, time.Hour)
	ids := ws.IDs("contacts")
	faults := map[string]mock.Fault{
		ids[0]: mock.Hangup.Before(),
		ids[1]: mock.Gateway.Before(),
		ids[2]: mock.Reset.Before(),
		ids[3]: mock.Stall, // applied, and never answered
	}
	var first time.Time
	ws.Fault = func(_ int, r *http.Request) mock.Fault {
		for id, fault := range faults {
			if r.Method == http.MethodPost && contains(r.URL.Path, id) {
				delete(faults, id)
				first = time.Now()
				return fault
			}
		}
		return mock.None
	}
	d := newDesk(t, writes(serve(t, ws), noting))
	var messages []any
	for i, id := range ids {
		messages = append(messages, noteTo(id, i), noteTo(id, i+len(ids)))
	}
	d.putMessages("m.ndjson", messages...)
	d.published("note", len(messages), "m.ndjson")
	all := ws.Writes()
	exactly(t, all, len(messages))
	for _, w := range all {
		if i := marked(w); i < 3 && w.At.Sub(first) < 60*time.Second {
			t.Errorf("message %d was sent again %v after it was lost: Intercom may still have been at work on it", i, w.At.Sub(first))
		}
	}
}
