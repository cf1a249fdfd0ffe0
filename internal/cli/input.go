package cli

import "encoding/json"

// An input is the value of --input: any JSON, nothing for none.
type input string

// value returns what the transformer gets.
func (i input) value() (json.RawMessage, error) {
	switch {
	case i == "":
		return nil, nil
	case !json.Valid([]byte(i)):
		return nil, usagef("--input is not JSON: %s is what it looks like", `{"key": "value"}`)
	default:
		return json.RawMessage(i), nil
	}
}
