package transform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/itchyny/gojq"
)

// maxDepth is how deep a value may be nested, as in encoding/json: what walks
// over values does so recursively.
const maxDepth = 10_000

// decode reads the one value of input, with its numbers as they are written.
func decode(input []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var v any
	// The decoder's message quotes the input, which is nobody's business.
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w (byte %d)", ErrInput, d.InputOffset())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w (byte %d: a second value)", ErrInput, d.InputOffset())
	}
	return v, nil
}

// encode writes v as JSON of at most limit bytes. It measures first: a small
// value in memory can be a huge one on paper, where parts of it are shared.
func encode(v any, limit int) (json.RawMessage, error) {
	if _, err := measure(v, limit, 0); err != nil {
		return nil, err
	}
	encoded, err := gojq.Marshal(v)
	if err != nil {
		return nil, &RuntimeError{Message: "output cannot be encoded", Detail: shorten(err.Error())}
	}
	if len(encoded) > limit {
		return nil, fmt.Errorf("%w: output of more than %d bytes", ErrTooLarge, MaxOutput)
	}
	return encoded, nil
}

// measure takes the length of v's JSON, or a little less where escapes make it
// longer, off the room there is. It stops when nothing is left.
func measure(v any, room, depth int) (int, error) {
	switch v := v.(type) {
	case string:
		room -= len(v) + 2
	case json.Number:
		room -= len(v)
	case *big.Int:
		room -= v.BitLen() / 4 // more than 3 bits a digit, less than 4
	case []any:
		room -= 1 + max(1, len(v))
		for _, element := range v {
			var err error
			if room, err = measureInner(element, room, depth); err != nil {
				return 0, err
			}
		}
	case map[string]any:
		room -= 1 + max(1, len(v))
		for key, element := range v {
			room -= len(key) + 3
			var err error
			if room, err = measureInner(element, room, depth); err != nil {
				return 0, err
			}
		}
	default:
		room--
	}
	if room < 0 {
		return 0, fmt.Errorf("%w: a value, written as JSON", ErrTooLarge)
	}
	return room, nil
}

func measureInner(v any, room, depth int) (int, error) {
	if depth >= maxDepth {
		return 0, fmt.Errorf("%w: nested deeper than %d", ErrTooLarge, maxDepth)
	}
	return measure(v, room, depth+1)
}
