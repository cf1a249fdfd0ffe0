package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// masked stands for what is not shown.
const masked = "***"

// A Token is a token with what is known of it.
type Token struct {
	Value         string `json:"-"`
	Workspace     string // id; this and what follows may be ""
	WorkspaceName string
	Region        string // us, eu or au
	Timezone      string // IANA name
	GrantedAt     time.Time
	Version       string // names the secret's version; tells nothing of the token
}

// Format shows nothing, whatever the verb.
func (Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, masked) }

// LogValue shows nothing.
func (Token) LogValue() slog.Value { return slog.StringValue(masked) }

// An App is what Intercom's Developer Hub gives an OAuth app.
type App struct {
	ID     string `json:"-"`
	Secret string `json:"-"`
}

// Format shows nothing, whatever the verb.
func (App) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, masked) }

// LogValue shows nothing.
func (App) LogValue() slog.Value { return slog.StringValue(masked) }

// tokenValue is the value of a token's secret.
type tokenValue struct {
	Token         string `json:"token"`
	Workspace     string `json:"workspace,omitempty"`
	WorkspaceName string `json:"workspace_name,omitempty"`
	Region        string `json:"region,omitempty"`
	Timezone      string `json:"timezone,omitempty"`
	GrantedAt     string `json:"granted_at,omitempty"` // RFC 3339
}

// appValue is the value of an app's secret.
type appValue struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// What is wrong with a value; the decoder's own words might quote it.
var (
	errNotToken = errors.New("its value looks like JSON and is no object with a token")
	errNotApp   = errors.New("its value is no JSON object with client_id and client_secret")
)

// decodeToken reads the value of a secret. Of nothing it makes no token.
func decodeToken(value string) (Token, error) {
	value = strings.TrimSpace(value)
	if !strings.HasPrefix(value, "{") {
		return Token{Value: value}, nil
	}
	var v tokenValue
	if json.Unmarshal([]byte(value), &v) != nil {
		return Token{}, errNotToken
	}
	granted, _ := time.Parse(time.RFC3339, v.GrantedAt) // not known is as good as wrong
	return Token{
		Value:         strings.TrimSpace(v.Token),
		Workspace:     v.Workspace,
		WorkspaceName: v.WorkspaceName,
		Region:        v.Region,
		Timezone:      v.Timezone,
		GrantedAt:     granted,
	}, nil
}

func (t Token) encode() string {
	v := tokenValue{
		Token:         strings.TrimSpace(t.Value),
		Workspace:     t.Workspace,
		WorkspaceName: t.WorkspaceName,
		Region:        t.Region,
		Timezone:      t.Timezone,
	}
	if !t.GrantedAt.IsZero() {
		v.GrantedAt = t.GrantedAt.UTC().Format(time.RFC3339)
	}
	return encode(v)
}

// decodeApp reads the value of a secret. Of nothing it makes no app.
func decodeApp(value string) (App, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return App{}, nil
	}
	var v appValue
	if json.Unmarshal([]byte(value), &v) != nil {
		return App{}, errNotApp
	}
	return App{ID: strings.TrimSpace(v.ID), Secret: strings.TrimSpace(v.Secret)}, nil
}

func (a App) encode() string { return encode(appValue(a)) }

func encode(v any) string {
	value, err := json.Marshal(v)
	if err != nil {
		panic(err) // of strings only
	}
	return string(value)
}
