package cli

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
)

// A faultFlag is a value of fake's --fault: a kind and the share of requests
// that it befalls.
type faultFlag struct {
	kind  string
	share float64
}

// faultKinds are what can go wrong.
var faultKinds = map[string]intercomtest.Effect{
	"429":   limited,
	"500":   intercomtest.ServerError(),
	"502":   intercomtest.HTML(http.StatusBadGateway),
	"404":   intercomtest.NotFound(),
	"403":   intercomtest.Forbidden(),
	"empty": intercomtest.Empty(),
	"cut":   intercomtest.Cut(),
	"reset": intercomtest.Reset(),
	"slow":  intercomtest.Slow(2 * time.Second),
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *faultFlag) UnmarshalText(text []byte) error {
	kind, share, given := strings.Cut(string(text), "=")
	if faultKinds[kind] == nil {
		return fmt.Errorf("fault %q is not one of %s", kind, strings.Join(slices.Sorted(maps.Keys(faultKinds)), ", "))
	}
	f.kind, f.share = kind, 1
	if !given {
		return nil
	}
	n, err := strconv.ParseFloat(share, 64)
	if err != nil || !(n > 0 && n <= 1) {
		return fmt.Errorf("the share of fault %s is a number above 0, up to 1, not %q", kind, share)
	}
	f.share = n
	return nil
}

func (f faultFlag) fault() intercomtest.Fault {
	fault := intercomtest.Fault{Effect: faultKinds[f.kind]}
	if f.share < 1 {
		fault.Probability = f.share
	}
	return fault
}

// limited refuses a request as if somebody else had used the limit up.
func limited(a *intercomtest.Answer) {
	const limit = "1000"
	a.Fail(http.StatusTooManyRequests, "rate_limit_exceeded", "Exceeded rate limit of "+limit+" in 10_seconds")
	a.Header.Set("X-RateLimit-Limit", limit)
	a.Header.Set("X-RateLimit-Remaining", "0")
	a.Header.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(2*time.Second).Unix(), 10))
}
