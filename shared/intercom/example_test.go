package intercom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"intercom-connector/shared/intercom"
)

// One request: the operation says what, the path and the query say which.
func ExampleClient_Do() {
	workspace := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"type":"contact","id":"`+r.URL.Path[len("/contacts/"):]+`"}`)
	}))
	defer workspace.Close()

	client, err := intercom.New(intercom.Config{
		Name:    "main",
		BaseURL: workspace.URL, // or one of a region: intercom.BaseURL("eu")
		Token:   intercom.StaticToken("secret"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	show, err := intercom.Find("GET", "contacts/{contact_id}", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := client.Do(context.Background(), &intercom.Request{
		Operation: show,
		Path:      map[string]string{"contact_id": "5f7f0d21"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Status, resp.ContentType, string(resp.Body))
	// Output: 200 application/json {"type":"contact","id":"5f7f0d21"}
}

// An error says what a support ticket needs, and nothing of the data.
func ExampleAPIError() {
	workspace := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"type":"error.list","request_id":"b2f1","errors":[{"code":"not_found","message":"No user 'ann@example.com'"}]}`)
	}))
	defer workspace.Close()

	client, err := intercom.New(intercom.Config{BaseURL: workspace.URL, Token: intercom.StaticToken("secret")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, err = client.Me(context.Background())
	fmt.Println(err)
	fmt.Println(errors.Is(err, intercom.ErrNotFound), intercom.Temporary(err))
	// Output:
	// intercom: GET /me: 404 Not Found: not_found: No user '***' [request b2f1]
	// true false
}

// What would be sent, with the token hidden.
func ExampleClient_Wire() {
	client, err := intercom.New(intercom.Config{Token: intercom.StaticToken("secret")})
	if err != nil {
		fmt.Println(err)
		return
	}
	wire, err := client.Wire(&intercom.Request{
		Operation: &intercom.Operation{Method: "PUT", Path: "/contacts/{contact_id}", Body: intercom.OptionalBody},
		Path:      map[string]string{"contact_id": "a/b"},
		Payload:   []byte(`{"name":"Ann"}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(wire.Method, wire.URL)
	fmt.Println(wire.Header.Get("Authorization"), wire.Header.Get("Intercom-Version"))
	fmt.Println(string(wire.Body))
	// Output:
	// PUT https://api.intercom.io/contacts/a%2Fb
	// Bearer *** 2.16
	// {"name":"Ann"}
}

// A caller that plans for itself asks the Governor and calls Send.
func ExampleGovernor() {
	governor := intercom.NewGovernor(intercom.GovernorConfig{MaxInFlight: 1})
	fmt.Println(governor.Take(intercom.Reading)) // yes
	fmt.Println(governor.Take(intercom.Reading) == intercom.Full)
	governor.Done(intercom.Outcome{Status: 200})
	fmt.Println(governor.Take(intercom.Reading))
	// Output:
	// 0s
	// true
	// 0s
}
