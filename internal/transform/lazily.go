package transform

import (
	"regexp"
	"sync"
)

// lazily returns an expression that is compiled when it is first used, because a
// function compiles it anew at every cold start, and mostly needs none of them.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
