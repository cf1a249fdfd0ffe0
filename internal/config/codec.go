package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"intercom-connector/shared/intercom"
)

// Encode writes the compact form of a checked configuration, the one that
// travels inside a function: equal configurations give equal bytes.
func Encode(c *Config) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Decode reads what [Encode] wrote and looks the operations up again. It
// checks no more than that they exist: the whole was checked when it was
// loaded.
func Decode(data []byte) (*Config, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	dec.UseNumber() // a query's time in seconds must not become 1.7e+09
	c := &Config{}
	if err := dec.Decode(c); err != nil {
		return nil, fmt.Errorf("decode configuration: %w", err)
	}
	if dec.More() {
		return nil, errors.New("decode configuration: more than one JSON value")
	}
	for name, s := range c.Subscriptions {
		if s == nil {
			return nil, fmt.Errorf("decode subscription %s: it is null", name)
		}
		op, err := intercom.Find(s.Method, s.Route, -1)
		if err != nil {
			return nil, fmt.Errorf("decode subscription %s: %w", name, err)
		}
		s.Operation = op
	}
	for name, p := range c.Publishers {
		if p == nil {
			return nil, fmt.Errorf("decode publisher %s: it is null", name)
		}
		op, err := intercom.Find(p.Method, p.Route, -1)
		if err != nil {
			return nil, fmt.Errorf("decode publisher %s: %w", name, err)
		}
		p.Operation = op
	}
	for name, client := range c.Clients {
		if client == nil {
			return nil, fmt.Errorf("decode client %s: it is null", name)
		}
	}
	return c, nil
}

// TokenVariable returns the environment variable that holds a client's token
// on a laptop: INTERCOM_TOKEN_MAIN for main. Where there is one client only,
// [AnyTokenVariable] serves too.
func TokenVariable(client string) string {
	return AnyTokenVariable + "_" + strings.ToUpper(strings.ReplaceAll(client, "-", "_"))
}

// AnyTokenVariable is the environment variable of the only client's token.
const AnyTokenVariable = "INTERCOM_TOKEN"
