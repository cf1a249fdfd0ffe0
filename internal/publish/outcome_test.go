package publish_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
)

const (
	putContact = `{"path":{"contact_id":"c1"},"payload":{"name":"Ada"}}`
	noteBody   = `{"path":{"contact_id":"c1"},"payload":{"body":"Hello","admin_id":"7"}}`
	replyBody  = `{"path":{"conversation_id":"9"},"payload":{"message_type":"comment","type":"admin","admin_id":7,"body":"Hello :)"}}`
	contact    = `{"payload":{"email":"ada@example.com","name":"Ada"}}`
)

// What follows from every kind of answer, for requests that may be repeated and
// for those that must not be.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	page := reply{status: 502, body: "<html>Bad Gateway</html>", header: http.Header{"Content-Type": {"text/html"}}}
	for _, tt := range []struct {
		name      string
		operation string
		message   string
		replies   []reply
		want      publish.Outcome
		reason    string // contained
		requests  int    // default: as many as replies
		letters   int
		paused    bool
		tries     int
		age       time.Duration
	}{
		// Successes.
		{name: "200", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{ok(`{"id":"c1"}`)}, want: publish.Done},
		{name: "202 without a body", operation: "POST events", message: `{"payload":{"event_name":"e","user_id":"1","created_at":1700000000}}`, replies: []reply{{status: 202}}, want: publish.Done},
		{name: "204", operation: "DELETE audiences/{id}", message: `{"path":{"id":5}}`, replies: []reply{{status: 204}}, want: publish.Done},
		{name: "201", operation: "POST audiences", message: `{"payload":{"name":"x"}}`, replies: []reply{{status: 201, body: `{"id":"1"}`}}, want: publish.Done},
		{name: "a POST without a body", operation: "POST contacts/{contact_id}/archive", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{ok(`{"archived":true}`)}, want: publish.Done},
		{name: "a job's 200 without content", operation: "POST export/cancel/{job_identifier}", message: `{"path":{"job_identifier":"j"}}`, replies: []reply{{status: 200}}, want: publish.Done},

		// Refused before anything happened: any request goes out again.
		{name: "429, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(429, "rate_limit_exceeded", "Exceeded rate limit of 167 in 10_seconds"), ok(`{}`)}, want: publish.Done},
		{name: "429, not repeatable", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{refusal(429, "rate_limit_exceeded", "x"), ok(`{}`)}, want: publish.Done},
		{name: "429 of an export", operation: "POST export/content/data", message: `{"payload":{"created_at_after":1,"created_at_before":2}}`, replies: []reply{
			refusal(429, "rate_limit_exceeded", "Exceeded rate limit of 1 pending message data export jobs").with("X-RateLimit-Remaining", "100").with("X-RateLimit-Limit", "167").with("X-RateLimit-Reset", "946684810"), ok(`{"job_identifier":"j"}`),
		}, want: publish.Done},
		{name: "refused connection, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{errRefused, ok(`{}`)}, want: publish.Done},
		{name: "refused connection, not repeatable", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{errRefused, errRefused, ok(`{}`)}, want: publish.Done},
		{name: "refused connection for ever", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{errRefused, errRefused, errRefused, errRefused}, want: publish.Retry, reason: "connection refused"},
		{name: "an IP allowlist", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{{status: 403, body: `{"errors":[{"code":"forbidden","message":"Your IP address is not on the allowlist for API access"}]}`}, ok(`{}`)}, want: publish.Done},
		{name: "a firewall", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{{status: 403, body: "<html>no</html>", header: http.Header{"Content-Type": {"text/html"}, "X-Request-Id": nil}}, ok(`{}`)}, want: publish.Done},

		// Perhaps applied, and repeatable.
		{name: "500, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(500, "server_error", "Server Error"), ok(`{}`)}, want: publish.Done},
		{name: "HTML 502, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{page, ok(`{}`)}, want: publish.Done},
		{name: "408, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(408, "request_timeout", "x"), ok(`{}`)}, want: publish.Done},
		{name: "timeout, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{{delay: 2 * time.Minute}, ok(`{}`)}, want: publish.Done},
		{name: "cut, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{errCut, ok(`{}`)}, want: publish.Done},
		{name: "a page with a 200, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{ok("<html>").with("Content-Type", "text/html"), ok(`{}`)}, want: publish.Done},
		{name: "503 for ever, repeatable", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(503, "service_unavailable", "x"), refusal(503, "service_unavailable", "x"), refusal(503, "service_unavailable", "x"), refusal(503, "service_unavailable", "x")}, want: publish.Retry, reason: "503"},
		{name: "503 for too long", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(503, "", "")}, age: 13 * time.Hour, tries: 20, want: publish.Dead, reason: "given up 12h0m0s", letters: 1},
		{name: "503 after a long pause", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(503, "", ""), refusal(503, "", ""), refusal(503, "", ""), refusal(503, "", "")}, age: 48 * time.Hour, tries: 1, want: publish.Retry, reason: "503"},
		{name: "an upsert by key is repeatable", operation: "POST companies", message: `{"payload":{"company_id":"1","name":"x"}}`, replies: []reply{errCut, ok(`{}`)}, want: publish.Done},

		// Perhaps applied, and nothing shows it.
		{name: "500, not repeatable, nowhere to look", operation: "POST articles", message: `{"payload":{"title":"t","author_id":1}}`, replies: []reply{refusal(500, "server_error", "x")}, want: publish.Unknown, reason: "unknown outcome: its answer was lost (500 server_error)", letters: 1},
		{name: "408, not repeatable", operation: "POST articles", message: `{"payload":{"title":"t","author_id":1}}`, replies: []reply{refusal(408, "request_timeout", "x")}, want: publish.Unknown, reason: "unknown outcome: ", letters: 1},
		{name: "timeout, not repeatable", operation: "POST articles", message: `{"payload":{"title":"t","author_id":1}}`, replies: []reply{{delay: 2 * time.Minute}}, want: publish.Unknown, reason: "unknown outcome: ", letters: 1},
		{name: "cut, not repeatable", operation: "PATCH data_connectors/{id}", message: `{"path":{"id":"1"},"payload":{"name":"x"}}`, replies: []reply{errCut}, want: publish.Unknown, reason: "unknown outcome: ", letters: 1},
		{name: "an upsert without its key is not repeatable", operation: "POST companies", message: `{"payload":{"name":"x"}}`, replies: []reply{errCut}, want: publish.Unknown, reason: "unknown outcome: ", letters: 1},
		{name: "a message in no conversation", operation: "POST messages", message: `{"payload":{"message_type":"inapp","body":"x","from":{"type":"admin","id":"1"},"to":{"type":"user","id":"2"}}}`, replies: []reply{errCut}, want: publish.Unknown, reason: "cannot be looked up", letters: 1},

		// Refused for good.
		{name: "400", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(400, "parameter_invalid", "email 'ada@example.com' is invalid")}, want: publish.Dead, reason: "parameter_invalid", letters: 1},
		{name: "404", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(404, "not_found", "User Not Found")}, want: publish.Dead, reason: "404", letters: 1},
		{name: "405", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(405, "", "")}, want: publish.Dead, letters: 1},
		{name: "422", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{refusal(422, "unprocessable_entity", "x")}, want: publish.Dead, letters: 1},
		{name: "501", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(501, "", "")}, want: publish.Dead, letters: 1},
		{name: "a redirect", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{reply{status: 301}.with("Location", "https://api.eu.intercom.io/contacts/c1")}, want: publish.Dead, reason: "redirect", letters: 1},
		{name: "403 names the permission", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(403, "forbidden", "no")}, want: publish.Dead, reason: `needs the permission "Write users and companies"`, letters: 1},
		{name: "403 of the plan", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(403, "api_plan_restricted", "Active subscription needed")}, want: publish.Dead, reason: "Active subscription needed", letters: 1},
		{name: "409 of anything", operation: "POST contacts", message: contact, replies: []reply{refusal(409, "conflict", "A contact matching those details already exists with id=5f7f0d217289f8d2f4262080")}, want: publish.Dead, reason: "id=5f7f0d217289f8d2f4262080", letters: 1},
		{name: "410 without a way on", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(410, "contact_merged", "x")}, want: publish.Dead, letters: 1},

		// Nothing can be sent.
		{name: "401", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(401, "token_revoked", "Access Token Revoked")}, want: publish.Paused, reason: "token_revoked", paused: true},
		{name: "401, not repeatable", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{refusal(401, "unauthorized", "x")}, want: publish.Paused, paused: true},
		{name: "402", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(402, "", "")}, want: publish.Paused, paused: true},
		{name: "423", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(423, "", "")}, want: publish.Paused, paused: true},

		// Already so, after an answer was lost; and the same refusals without.
		{name: "DELETE, lost, then 404", operation: "DELETE tags/{tag_id}", message: `{"path":{"tag_id":"1"}}`, replies: []reply{errCut, refusal(404, "not_found", "x")}, want: publish.Done},
		{name: "DELETE, 404", operation: "DELETE tags/{tag_id}", message: `{"path":{"tag_id":"1"}}`, replies: []reply{refusal(404, "not_found", "x")}, want: publish.Dead, letters: 1},
		{name: "archive, lost, then refused as archived", operation: "POST contacts/{contact_id}/archive", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{errCut, refusal(400, "x", "archived"), ok(`{"id":"c1","archived":true}`)}, want: publish.Done},
		{name: "archive, lost, then not to be found", operation: "POST contacts/{contact_id}/archive", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{errCut, refusal(404, "not_found", "x"), refusal(404, "not_found", "x")}, want: publish.Done},
		{name: "archive, lost, then refused for another reason", operation: "POST contacts/{contact_id}/archive", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{errCut, refusal(400, "x", "no"), ok(`{"id":"c1","archived":false}`)}, want: publish.Dead, letters: 1},
		{name: "archive, refused at once", operation: "POST contacts/{contact_id}/archive", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{refusal(400, "x", "archived")}, want: publish.Dead, letters: 1},
		{name: "unarchive, lost, then refused as active", operation: "POST contacts/{contact_id}/unarchive", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{errCut, refusal(400, "x", "not archived"), ok(`{"id":"c1"}`)}, want: publish.Done},
		{name: "unarchive, lost, then gone", operation: "POST contacts/{contact_id}/unarchive", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{errCut, refusal(404, "x", "x"), refusal(404, "x", "x")}, want: publish.Dead, letters: 1},

		// Merged contacts.
		{name: "410, PUT", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{refusal(410, "contact_merged", "x").with("Link", `<https://api.intercom.io/contacts/c2>; rel="canonical"`), ok(`{}`)}, want: publish.Done},
		{name: "410 twice, a note", operation: "POST contacts/{contact_id}/notes", message: noteBody, replies: []reply{
			refusal(410, "contact_merged", "x").with("Link", `</contacts/c2>; rel=canonical`),
			refusal(410, "contact_merged", "x").with("Link", `</contacts/c3>; rel=canonical`), ok(`{}`),
		}, want: publish.Done},
		{name: "410 without end", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{
			refusal(410, "contact_merged", "x").with("Link", `</contacts/c2>; rel=canonical`),
			refusal(410, "contact_merged", "x").with("Link", `</contacts/c3>; rel=canonical`),
			refusal(410, "contact_merged", "x").with("Link", `</contacts/c4>; rel=canonical`),
			refusal(410, "contact_merged", "x").with("Link", `</contacts/c5>; rel=canonical`),
		}, want: publish.Dead, reason: "merged more than 3 times", letters: 1},
		{name: "410 does not delete another contact", operation: "DELETE contacts/{contact_id}", message: `{"path":{"contact_id":"c1"}}`, replies: []reply{refusal(410, "contact_merged", "x").with("Link", `</contacts/c2>; rel=canonical`)}, want: publish.Dead, reason: "merged into id=c2", letters: 1},

		// Custom attributes.
		{name: "an unknown attribute", operation: "PUT contacts/{contact_id}", message: `{"path":{"contact_id":"c1"},"payload":{"custom_attributes":{"plan":"x"}}}`, replies: []reply{refusal(400, "parameter_invalid", "Custom attribute 'plan' does not exist")}, want: publish.Dead, reason: `unknown custom attribute "plan"`, letters: 1},

		// Invalid messages are dead without a request.
		{name: "no path parameter", operation: "PUT contacts/{contact_id}", message: `{"payload":{}}`, want: publish.Dead, reason: "path parameter contact_id is missing", letters: 1},
		{name: "too old, but done", operation: "PUT contacts/{contact_id}", message: putContact, replies: []reply{ok(`{}`)}, age: 100 * time.Hour, want: publish.Done},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				method, entity, _ := strings.Cut(tt.operation, " ")
				b := newBench(t, script(tt.replies...), method, entity)
				d := msg("m1", tt.message)
				d.Sent, d.Tries = d.Sent.Add(-tt.age), tt.tries
				got := b.publisher(t).Publish(t.Context(), d)
				if got.Outcome != tt.want || !strings.Contains(got.Reason, tt.reason) {
					t.Errorf("got %s: %s\nwant %s: …%s…", got.Outcome, got.Reason, tt.want, tt.reason)
				}
				if (got.Reason == "") != (got.Outcome == publish.Done) {
					t.Errorf("%s with the reason %q", got.Outcome, got.Reason)
				}
				if (got.After > 0) != (got.Outcome == publish.Retry || got.Outcome == publish.Paused) {
					t.Errorf("%s, after %v", got.Outcome, got.After)
				}
				if n := len(b.server.requests()); n != len(tt.replies) || got.Requests != n {
					t.Errorf("%d requests, %d of them reported, want %d: %q", n, got.Requests, len(tt.replies), b.server.requests())
				}
				if got.ID != "m1" {
					t.Errorf("id %q", got.ID)
				}
				if b.letters.len() != tt.letters {
					t.Errorf("%d dead letters, want %d", b.letters.len(), tt.letters)
				}
				if n := len(b.answers.all); (n == 1) != (tt.want == publish.Done) {
					t.Errorf("%d answers delivered for %s", n, tt.want)
				}
				reason, err := pause.Reason(t.Context(), b.store, "main")
				if err != nil || (reason != "") != tt.paused {
					t.Errorf("paused: %q, %v; want %t", reason, err, tt.paused)
				}
				for _, planted := range []string{token, "ada@example.com", "Hello"} {
					if strings.Contains(b.log.String(), planted) || strings.Contains(got.Reason, planted) {
						t.Errorf("%q is in the log or the reason:\n%s\n%s", planted, b.log.String(), got.Reason)
					}
				}
			})
		})
	}
}
