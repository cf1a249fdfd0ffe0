package publish_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/publish"
)

// at is a unix time, now and then.
func at(d time.Duration) int64 { return time.Now().Add(d).Unix() }

// A lost answer is looked for where the request would have left something.
func TestLookup(t *testing.T) {
	t.Parallel()
	const (
		reply9  = "POST conversations/{conversation_id}/reply"
		parts9  = "POST conversations/{conversation_id}/parts"
		ticket3 = "POST tickets/{ticket_id}/reply"
		note1   = "POST contacts/{contact_id}/notes"
	)
	conversation := func(parts string) string {
		return `{"type":"conversation","id":"9","conversation_parts":{"type":"conversation_part.list","conversation_parts":[` + parts + `]}}`
	}
	part := func(kind, body, author string, created int64) string {
		return fmt.Sprintf(`{"type":"conversation_part","id":"132","part_type":%q,"body":%q,"created_at":%d,"author":%s,"assigned_to":{"type":"admin","id":"8"}}`, kind, body, created, author)
	}
	admin, user := `{"type":"admin","id":"7"}`, `{"type":"user","id":"u1","email":"ada@example.com"}`
	noteMessage := strings.Replace(replyBody, "comment", "note", 1)
	for _, tt := range []struct {
		name, operation, message string
		shown                    func() string // what is read, at the time it is read
		look                     string        // the request that reads it
		found                    bool
	}{
		{"a reply, as HTML", reply9, replyBody, func() string { return conversation(part("comment", "<p>Hello 🙂</p>", admin, at(0))) }, "GET /conversations/9", true},
		{"another text", reply9, replyBody, func() string { return conversation(part("comment", "<p>Goodbye</p>", admin, at(0))) }, "GET /conversations/9", false},
		{"another admin", reply9, replyBody, func() string { return conversation(part("comment", "Hello", `{"type":"admin","id":"8"}`, at(0))) }, "GET /conversations/9", false},
		{"a contact with the id of the admin", reply9, replyBody, func() string { return conversation(part("comment", "Hello", `{"type":"user","id":"7"}`, at(0))) }, "GET /conversations/9", false},
		{"the same of yesterday", reply9, replyBody, func() string { return conversation(part("comment", "Hello", admin, at(-24*time.Hour))) }, "GET /conversations/9", false},
		{"a note instead of a comment", reply9, replyBody, func() string { return conversation(part("note", "Hello", admin, at(0))) }, "GET /conversations/9", false},
		{"a note", reply9, noteMessage, func() string { return conversation(part("note", "<p>Hello :)</p>", admin, at(0))) }, "GET /conversations/9", true},
		{"a comment instead of a note", reply9, noteMessage, func() string { return conversation(part("comment", "Hello", admin, at(0))) }, "GET /conversations/9", false},
		{"a contact's reply that reopens", reply9, `{"path":{"conversation_id":"9"},"payload":{"message_type":"comment","type":"user","intercom_user_id":"u1","body":"Thanks & bye"}}`, func() string { return conversation(part("open", "<p>Thanks &amp; bye</p>", user, at(0))) }, "GET /conversations/9", true},
		{"a contact by its address", reply9, `{"path":{"conversation_id":"9"},"payload":{"message_type":"comment","type":"user","email":"Ada@example.com","body":"Thanks"}}`, func() string { return conversation(part("comment", "Thanks", user, at(0))) }, "GET /conversations/9", true},
		{"a reply with a time of its own", reply9, strings.Replace(replyBody, `"body"`, `"created_at":1600000000,"body"`, 1), func() string { return conversation(part("comment", "Hello :)", admin, 1600000000)) }, "GET /conversations/9", true},
		{"closed", parts9, `{"path":{"conversation_id":"9"},"payload":{"message_type":"close","type":"admin","admin_id":"7"}}`, func() string { return conversation(part("close", "", admin, at(0))) }, "GET /conversations/9", true},
		{"closed by another", parts9, `{"path":{"conversation_id":"9"},"payload":{"message_type":"close","type":"admin","admin_id":"7"}}`, func() string { return conversation(part("close", "", user, at(0))) }, "GET /conversations/9", false},
		{"snoozed", parts9, `{"path":{"conversation_id":"9"},"payload":{"message_type":"snoozed","admin_id":"7","snoozed_until":1}}`, func() string { return conversation(part("snoozed", "", admin, at(0))) }, "GET /conversations/9", true},
		{"assigned", parts9, `{"path":{"conversation_id":"9"},"payload":{"message_type":"assignment","type":"admin","admin_id":"7","assignee_id":8}}`, func() string { return conversation(part("assignment", "", admin, at(0))) }, "GET /conversations/9", true},
		{"assigned to another", parts9, `{"path":{"conversation_id":"9"},"payload":{"message_type":"assignment","type":"admin","admin_id":"7","assignee_id":"10"}}`, func() string { return conversation(part("assignment", "", admin, at(0))) }, "GET /conversations/9", false},
		{"a ticket's note", ticket3, `{"path":{"ticket_id":"3"},"payload":{"message_type":"note","type":"admin","admin_id":7,"body":"<b>Hi</b>"}}`, func() string {
			return `{"id":"3","ticket_parts":{"ticket_parts":[` + part("note", "<p>Hi</p>", admin, at(0)) + `]}}`
		}, "GET /tickets/3", true},
		{"a contact's note", note1, noteBody, func() string {
			return fmt.Sprintf(`{"data":[{"id":"1","created_at":%d,"author":{"id":"7"},"body":"<p>Hello</p>"}]}`, at(0))
		}, "GET /contacts/c1/notes?page=1&per_page=50", true},
		{"another admin's note", note1, noteBody, func() string {
			return fmt.Sprintf(`{"data":[{"id":"1","created_at":%d,"author":{"id":"8"},"body":"<p>Hello</p>"}]}`, at(0))
		}, "GET /contacts/c1/notes?page=1&per_page=50", false},
		{"a company's note", "POST companies/{company_id}/notes", `{"path":{"company_id":"k"},"payload":{"body":"Hello"}}`, func() string {
			return fmt.Sprintf(`{"data":[{"id":"1","created_at":%d,"author":{"id":"8"},"body":"<p>Hello</p>"}]}`, at(0))
		}, "GET /companies/k/notes?page=1&per_page=50", true},
		{"a contact by its external id", "POST contacts", `{"payload":{"external_id":"x 1"}}`, func() string {
			return fmt.Sprintf(`{"id":"c1","created_at":%d}`, at(0))
		}, "GET /contacts/find_by_external_id/x%201", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				method, entity, _ := strings.Cut(tt.operation, " ")
				writes := 0
				s := &server{answer: func(_ int, request, _ string) reply {
					if strings.HasPrefix(request, "GET ") {
						if request != tt.look {
							t.Errorf("looked at %s, want %s", request, tt.look)
						}
						return ok(tt.shown())
					}
					if writes++; writes == 1 {
						return errCut
					}
					return ok(`{}`)
				}}
				b := newBench(t, s, method, entity)
				p := b.publisher(t)
				start := time.Now()
				r := p.Publish(t.Context(), msg("m1", tt.message))
				if tt.found {
					if r.Outcome != publish.Done || writes != 1 || r.Answer == nil {
						t.Fatalf("got %+v after %d writes", r, writes)
					}
					if r := p.Publish(t.Context(), msg("m1", tt.message)); !r.Duplicate || writes != 1 {
						t.Errorf("again: %+v after %d writes", r, writes)
					}
					return
				}
				for r.Outcome == publish.Retry {
					if writes != 1 {
						t.Fatalf("sent again after %v", time.Since(start))
					}
					time.Sleep(r.After)
					r = p.Publish(t.Context(), msg("m1", tt.message))
				}
				if r.Outcome != publish.Done || writes != 2 || time.Since(start) < 90*time.Second {
					t.Errorf("got %+v after %d writes and %v", r, writes, time.Since(start))
				}
			})
		})
	}
}

// A search shows things late: what it does not find may be there all the same.
func TestLookupBySearch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, operation, message, look string
		shown                          func() string
	}{
		{"a ticket", "POST tickets", `{"payload":{"ticket_type_id":88,"contacts":[{"id":"c1"}],"ticket_attributes":{"_default_title_":"Broken"}}}`, "POST /tickets/search", func() string {
			return fmt.Sprintf(`{"tickets":[{"id":"1","created_at":%d,"ticket_type":{"id":"88"},"contacts":{"contacts":[{"id":"c1"}]},"ticket_attributes":{"_default_title_":"Broken"}}]}`, at(-time.Minute))
		}},
		{"a conversation", "POST conversations", `{"payload":{"from":{"type":"user","id":"c1"},"body":"Help!"}}`, "POST /conversations/search", func() string {
			return fmt.Sprintf(`{"conversations":[{"id":"1","created_at":%d,"source":{"body":"<p>Help!</p>","author":{"type":"user","id":"c1"}},"contacts":{"contacts":[{"id":"c1"}]}}]}`, at(-time.Minute))
		}},
		{"a message with a conversation", "POST messages", `{"payload":{"message_type":"inapp","create_conversation_without_contact_reply":true,"from":{"type":"admin","id":"7"},"to":{"type":"user","id":"c1"},"body":"News"}}`, "POST /conversations/search", func() string {
			return fmt.Sprintf(`{"conversations":[{"id":"1","created_at":%d,"source":{"body":"<p>News</p>","author":{"type":"admin","id":"7"}},"contacts":{"contacts":[{"id":"c1"}]}}]}`, at(-time.Minute))
		}},
		{"a contact by its address", "POST contacts", contact, "POST /contacts/search", func() string {
			return fmt.Sprintf(`{"data":[{"id":"c1","email":"ada@example.com","created_at":%d}]}`, at(-time.Minute))
		}},
	} {
		for _, late := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, shown at last: %t", tt.name, late), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					method, entity, _ := strings.Cut(tt.operation, " ")
					start := time.Now()
					s := &server{answer: func(n int, request, _ string) reply {
						if n == 1 {
							return errCut
						}
						if request != tt.look {
							t.Errorf("looked at %s, want %s", request, tt.look)
						}
						if late && time.Since(start) > time.Minute {
							return ok(tt.shown())
						}
						return ok(`{"data":[],"tickets":[],"conversations":[]}`)
					}}
					b := newBench(t, s, method, entity)
					p := b.publisher(t)
					r := p.Publish(t.Context(), msg("m1", tt.message))
					for r.Outcome == publish.Retry {
						time.Sleep(r.After)
						r = p.Publish(t.Context(), msg("m1", tt.message))
					}
					want := publish.Unknown
					if late {
						want = publish.Done
					}
					if r.Outcome != want || time.Since(start) < 2*time.Minute {
						t.Errorf("got %+v after %v, want %s", r, time.Since(start), want)
					}
					if n := b.server.count(tt.operation[:4] + " /" + entity + " "); n != 1 {
						t.Errorf("sent %d times", n)
					}
				})
			})
		}
	}
}

// Two equal notes are both meant: one note that is found is not both of them.
func TestTwins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		notes int // that are there
		want  publish.Outcome
	}{
		{"both are there", 2, publish.Done},
		{"one of them is there", 1, publish.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now().Unix()
				writes := 0
				s := &server{answer: func(_ int, request, _ string) reply {
					if strings.HasPrefix(request, "GET ") {
						note := fmt.Sprintf(`{"id":"1","created_at":%d,"author":{"id":"7"},"body":"<p>Hello</p>"}`, start)
						return ok(`{"data":[` + strings.TrimSuffix(strings.Repeat(note+",", tt.notes), ",") + `]}`)
					}
					if writes++; writes == 2 {
						return errCut
					}
					return ok(`{}`)
				}}
				b := newBench(t, s, "POST", "contacts/{contact_id}/notes")
				p := b.publisher(t)
				if r := p.Publish(t.Context(), msg("m1", noteBody)); r.Outcome != publish.Done {
					t.Fatalf("got %+v", r)
				}
				r := p.Publish(t.Context(), msg("m2", noteBody))
				for r.Outcome == publish.Retry {
					time.Sleep(r.After)
					r = p.Publish(t.Context(), msg("m2", noteBody))
				}
				if r.Outcome != tt.want || writes != 2 {
					t.Errorf("got %+v after %d writes", r, writes)
				}
			})
		})
	}
}

// A creation of a contact that was lost, looked for in vain and sent again may
// meet what the first one made: that is no conflict.
func TestCompareAfterLoss(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, contact string
		want          publish.Outcome
	}{
		{"made by us", `{"id":"c1","created_at":NOW}`, publish.Done},
		{"the same as we sent", `{"id":"c1","created_at":EARLIER,"external_id":"x","custom_attributes":{"n":"1"}}`, publish.Done},
		{"another's", `{"id":"c1","created_at":EARLIER,"external_id":"y"}`, publish.Dead},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now().Unix()
				b := newBench(t, script(
					errCut,
					refusal(404, "not_found", "x"),
					refusal(404, "not_found", "x"),
					refusal(409, "conflict", exists),
					ok(strings.NewReplacer("NOW", fmt.Sprint(start), "EARLIER", fmt.Sprint(start-100_000)).Replace(tt.contact)),
				), "POST", "contacts")
				p := b.publisher(t)
				m := `{"payload":{"external_id":"X","custom_attributes":{"n":1}}}`
				r := p.Publish(t.Context(), msg("m1", m))
				for r.Outcome == publish.Retry {
					time.Sleep(r.After)
					r = p.Publish(t.Context(), msg("m1", m))
				}
				if r.Outcome != tt.want || len(b.server.requests()) != 5 {
					t.Errorf("got %+v after %q", r, b.server.requests())
				}
			})
		})
	}
}

// A look that fails is repeated, or leaves the outcome unknown.
func TestLookupFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		replies []reply
		want    publish.Outcome
	}{
		{"not permitted", []reply{errCut, refusal(403, "forbidden", "x")}, publish.Unknown},
		{"the contact is gone", []reply{errCut, refusal(404, "not_found", "x")}, publish.Unknown},
		{"nothing to read", []reply{errCut, ok(`[]`)}, publish.Unknown},
		{"down", []reply{errCut, refusal(500, "x", "x")}, publish.Retry},
		{"the token", []reply{errCut, refusal(401, "x", "x")}, publish.Paused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, script(tt.replies...), "POST", "contacts/{contact_id}/notes")
				if r := b.publisher(t).Publish(t.Context(), msg("m1", noteBody)); r.Outcome != tt.want {
					t.Errorf("got %+v", r)
				}
			})
		})
	}
	t.Run("down for too long", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, script(errCut, refusal(500, "x", "x")), "POST", "contacts/{contact_id}/notes")
			d := msg("m1", noteBody)
			d.Sent, d.Tries = d.Sent.Add(-13*time.Hour), 20
			if r := b.publisher(t).Publish(t.Context(), d); r.Outcome != publish.Unknown || b.letters.all[0].Outcome != publish.Unknown {
				t.Errorf("got %+v", r)
			}
		})
	})
}
