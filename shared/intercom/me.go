package intercom

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Me is whose token it is.
type Me struct {
	AdminID       string
	Name          string // of the admin
	Workspace     string // the workspace's id: app.id_code
	WorkspaceName string
	Region        string // us, eu or au; "" where the answer tells none that is known
	Timezone      string // IANA name of the workspace's zone, "" where not told
	// Created is when the workspace was, the zero time where not told.
	Created time.Time
	// Date is the server's clock when it answered, the zero time where it told none.
	Date time.Time
}

// meOperation is the operation that Me needs.
var meOperation = Operation{
	ID:     "identifyAdmin",
	Method: http.MethodGet,
	Path:   "/me",
	Tag:    "Admins",
	Kind:   Read,
	Docs:   "https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/identifyadmin",
}

// Me asks whose token it is. The error is [ErrForbidden] where the token may
// not ask that, which says nothing about what else it may do.
func (c *Client) Me(ctx context.Context) (Me, error) {
	resp, err := c.Do(ctx, &Request{Operation: &meOperation})
	if err != nil {
		return Me{}, err
	}
	return ReadMe(resp)
}

// ReadMe reads the answer to GET /me, for who sends the request with
// [Client.Send].
func ReadMe(resp *Response) (Me, error) {
	var answer struct {
		ID   looseString `json:"id"`
		Name looseString `json:"name"`
		App  struct {
			ID       looseString `json:"id_code"`
			Name     looseString `json:"name"`
			Region   looseString `json:"region"`
			Timezone looseString `json:"timezone"`
			Created  looseString `json:"created_at"`
		} `json:"app"`
	}
	if json.Unmarshal(resp.Body, &answer) != nil {
		return Me{}, &AnswerError{Method: meOperation.Method, Path: meOperation.Path, Status: resp.Status, RequestID: resp.RequestID, Err: ErrNotJSON}
	}
	return Me{
		AdminID:       string(answer.ID),
		Name:          string(answer.Name),
		Workspace:     string(answer.App.ID),
		WorkspaceName: string(answer.App.Name),
		Region:        normalRegion(string(answer.App.Region)),
		Timezone:      string(answer.App.Timezone),
		Created:       unixTime(string(answer.App.Created)),
		Date:          resp.Date,
	}, nil
}

// unixTime reads unix seconds, and anything else as the zero time.
func unixTime(text string) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// A looseString takes a string or a number, because ids have been both in
// different versions of the API, and ignores anything else.
type looseString string

// UnmarshalJSON implements json.Unmarshaler.
func (s *looseString) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*s = looseString(strings.TrimSpace(text))
		return nil
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		*s = looseString(number)
	}
	return nil
}
