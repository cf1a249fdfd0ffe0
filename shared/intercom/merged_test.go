package intercom_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"intercom-connector/shared/intercom"
)

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A write to a merged contact is not sent on, but the error says where it is.
func TestMergedInto(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, code, link, want string
	}{
		{"a URL", "contact_merged", `<https://api.intercom.io/contacts/c2>; rel="canonical"`, "c2"},
		{"a path below a base", "contact_merged", `</v2/contacts/c%202/>; rel=canonical`, "c 2"},
		{"another relation", "contact_merged", `</contacts/c2>; rel=next`, ""},
		{"another object", "contact_merged", `</companies/c2>; rel=canonical`, ""},
		{"a path that climbs", "contact_merged", `</contacts/..>; rel=canonical`, ""},
		{"two segments in one", "contact_merged", `</contacts/a%2Fb>; rel=canonical`, ""},
		{"no link", "contact_merged", "", ""},
		{"gone for another reason", "not_restorable", `</contacts/c2>; rel=canonical`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			client, err := intercom.New(intercom.Config{
				Token: intercom.StaticToken("a-token"),
				Transport: answering(func(r *http.Request) (*http.Response, error) {
					sent++
					body := `{"type":"error.list","errors":[{"code":"` + tt.code + `"}]}`
					return &http.Response{StatusCode: http.StatusGone, Header: http.Header{"Link": {tt.link}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			op, err := intercom.Find("PUT", "contacts/{contact_id}", -1)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(t.Context(), &intercom.Request{Operation: op, Path: map[string]string{"contact_id": "c1"}, Payload: []byte(`{}`)})
			api, ok := errors.AsType[*intercom.APIError](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if got := api.MergedInto(); got != tt.want || sent != 1 {
				t.Errorf("got %q after %d requests, want %q", got, sent, tt.want)
			}
		})
	}
}
