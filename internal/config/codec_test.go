package config_test

import (
	"strings"
	"testing"

	"intercom-connector/internal/config"
)

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data, want string }{
		{"empty", "", "EOF"},
		{"not JSON", "clients:", "invalid character"},
		{"two values", `{"clients":{}} {}`, "more than one"},
		{"field of another version", `{"clients":{},"nodes":{}}`, "nodes"},
		{"no such operation", `{"clients":{},"subscriptions":{"a":{"method":"GET","route":"nowhere"}}}`, "subscription a"},
		{"no such write", `{"clients":{},"publishers":{"a":{"method":"PATCH","route":"tags"}}}`, "publisher a"},
		{"null subscription", `{"clients":{},"subscriptions":{"a":null}}`, "subscription a"},
		{"null client", `{"clients":{"a":null}}`, "client a"},
		{"bad schedule", `{"clients":{},"subscriptions":{"a":{"schedule":{"expression":"rate(0 days)","timezone":"UTC"}}}}`, "rate(0 days)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Decode([]byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTokenVariable(t *testing.T) {
	t.Parallel()
	if got, want := config.TokenVariable("main-eu"), "INTERCOM_TOKEN_MAIN_EU"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
