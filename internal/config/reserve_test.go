package config_test

import (
	"testing"

	"intercom-connector/internal/config"
)

func TestReserve(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{Publishers: map[string]*config.Publisher{
		"writes":   {Client: "main", Enabled: true},
		"does not": {Client: "other"},
	}}
	for client, want := range map[string]float64{"main": 0.05, "other": 0, "third": 0} {
		if got := cfg.Reserve(client); got != want {
			t.Errorf("%s: got a reserve of %v, want %v", client, got, want)
		}
	}
}
