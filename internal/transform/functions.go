package transform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"time"

	"github.com/itchyny/gojq"
)

// functions are what programs have besides jq's own: three to use, and those
// that guard calls.
func functions() []gojq.CompilerOption {
	return append(guardFunctions(),
		gojq.WithFunction("sha256", 0, 0, func(v any, _ []any) any { return sha256Of(v) }),
		gojq.WithFunction("hmac", 1, 1, func(v any, args []any) any { return hmacOf(v, args[0]) }),
		gojq.WithFunction("epoch", 0, 0, func(v any, _ []any) any { return epochOf(v) }),
	)
}

func sha256Of(v any) any {
	s, ok := v.(string)
	if !ok {
		return errors.New("sha256 cannot be applied to: " + gojq.TypeOf(v))
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hmacOf(v, key any) any {
	s, ok := v.(string)
	if !ok {
		return errors.New("hmac cannot be applied to: " + gojq.TypeOf(v))
	}
	k, ok := key.(string)
	if !ok {
		return errors.New("hmac needs a string for a key, not: " + gojq.TypeOf(key))
	}
	mac := hmac.New(sha256.New, []byte(k))
	mac.Write([]byte(s))
	return hex.EncodeToString(mac.Sum(nil))
}

func epochOf(v any) any {
	switch v := v.(type) {
	case int, float64, *big.Int, json.Number:
		return v
	case string:
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return int(t.Unix())
			}
		}
		return errors.New("epoch cannot be applied to a string that is neither a time nor a date")
	default:
		return errors.New("epoch cannot be applied to: " + gojq.TypeOf(v))
	}
}
