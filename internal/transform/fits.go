package transform

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/itchyny/gojq"
)

// What a program may have in between.
const (
	maxText     = 16 << 20 // bytes of a string
	maxElements = 4 << 20  // of an array or an object that one step makes, and the highest index
	maxBits     = 64 << 10 // of an integer, for arithmetic
)

// A pair holds both operands while an operator waits for them.
type pair struct{ left, right any }

// guardFunctions measure what a step is about to make and pass it on, or fail
// with [ErrTooLarge]. Their names begin with a character that no name in a
// program can have, so none can call or redefine them.
func guardFunctions() []gojq.CompilerOption {
	function := func(name string, arity int, f func(v any, args []any) any) gojq.CompilerOption {
		return gojq.WithFunction(name, arity, arity, f)
	}
	return []gojq.CompilerOption{
		function("%left", 0, func(v any, _ []any) any { return v.(pair).left }),
		function("%right", 0, func(v any, _ []any) any { return v.(pair).right }),
		function("%fits_add", 2, func(_ any, args []any) any { return fitsAdd(args[0], args[1]) }),
		function("%fits_product", 2, func(_ any, args []any) any { return fitsProduct(args[0], args[1]) }),
		function("%fits", 0, func(v any, _ []any) any { return fits(v) }),
		function("%fits_sum", 0, func(v any, _ []any) any { return fitsJoin(v, "") }),
		function("%fits_join", 1, func(v any, args []any) any { return fitsJoin(v, args[0]) }),
		function("%fits_transpose", 0, func(v any, _ []any) any { return fitsTranspose(v) }),
		function("%fits_index", 0, func(v any, _ []any) any { return fitsIndex(v) }),
		function("%fits_path", 0, func(v any, _ []any) any { return fitsPath(v) }),
		function("%fits_event", 0, func(v any, _ []any) any { return fitsEvent(v) }),
	}
}

func tooLarge(what string) error { return fmt.Errorf("%w: %s", ErrTooLarge, what) }

func fitsAdd(l, r any) any {
	switch l := l.(type) {
	case string:
		if r, ok := r.(string); ok && len(l)+len(r) > maxText {
			return tooLarge("a string")
		}
	case []any:
		if r, ok := r.([]any); ok && len(l)+len(r) > maxElements {
			return tooLarge("an array")
		}
	case map[string]any:
		if r, ok := r.(map[string]any); ok && len(l)+len(r) > maxElements {
			return tooLarge("an object")
		}
	case json.Number, *big.Int:
		if bits(l) > maxBits {
			return tooLarge("a number")
		}
	}
	if bits(r) > maxBits {
		return tooLarge("a number")
	}
	return pair{l, r}
}

func fitsProduct(l, r any) any {
	text, times := l, r
	if _, ok := text.(string); !ok {
		text, times = r, l
	}
	if s, ok := text.(string); ok {
		if n, ok := gojq.ToFloat64(times); ok && n*float64(len(s)) > maxText {
			return tooLarge("a string")
		}
	}
	if bits(l)+bits(r) > maxBits {
		return tooLarge("a number")
	}
	return pair{l, r}
}

// bits is the length of a number, as far as it matters.
func bits(v any) int {
	switch v := v.(type) {
	case *big.Int:
		return v.BitLen()
	case json.Number:
		return 4 * len(v)
	default:
		return 0
	}
}

// fits passes on what can be written as text of a size that fits.
func fits(v any) any {
	if _, err := measure(v, maxText, 0); err != nil {
		return err
	}
	return v
}

// fitsJoin passes on a list whose sum fits: of its strings, with a separator
// between them, or of its lists and objects.
func fitsJoin(v, separator any) any {
	text, elements := 0, 0
	add := func(element any) {
		switch e := element.(type) {
		case string:
			text += len(e)
		case []any:
			elements += len(e)
		case map[string]any:
			elements += len(e)
		}
	}
	count := 0
	switch v := v.(type) {
	case []any:
		count = len(v)
		for _, element := range v {
			add(element)
		}
	case map[string]any:
		count = len(v)
		for _, element := range v {
			add(element)
		}
	}
	if s, ok := separator.(string); ok {
		text += count * len(s)
	}
	if text > maxText || elements > maxElements {
		return tooLarge("a sum")
	}
	return v
}

func fitsTranspose(v any) any {
	rows, ok := v.([]any)
	if !ok {
		return v
	}
	longest := 0
	for _, row := range rows {
		if row, ok := row.([]any); ok {
			longest = max(longest, len(row))
		}
	}
	if longest > 0 && len(rows) > maxElements/longest {
		return tooLarge("a transposed array")
	}
	return v
}

// fitsIndex passes on an index that an assignment may fill an array up to. What
// is far beyond it the engine refuses itself, and reading there is harmless.
func fitsIndex(v any) any {
	const refused = 1 << 29
	if i, ok := gojq.ToInt(v); ok && maxElements < i && i < refused {
		return tooLarge("the index of an array")
	}
	return v
}

func fitsPath(v any) any {
	path, ok := v.([]any)
	if !ok {
		return v
	}
	if len(path) > maxDepth {
		return tooLarge("a path")
	}
	for _, step := range path {
		if err, ok := fitsIndex(step).(error); ok {
			return err
		}
	}
	return v
}

// fitsEvent passes on an event of a stream, [path, value] or [path].
func fitsEvent(v any) any {
	event, ok := v.([]any)
	if !ok || len(event) == 0 {
		return v
	}
	if err, ok := fitsPath(event[0]).(error); ok {
		return err
	}
	return v
}
