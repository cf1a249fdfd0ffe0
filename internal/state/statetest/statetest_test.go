package statetest_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"intercom-connector/internal/state"
	"intercom-connector/internal/state/statetest"
)

// defect makes the test binary run the suite on a store that has it.
var defect = flag.String("defect", "", "what is wrong with the store under test")

func TestSuite(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(*testing.T) state.Store { return newMemory(*defect) }, statetest.Options{Bubble: true})
}

// A suite is worth what it finds.
func TestSuiteFindsDefects(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, defect := range defects {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			timeout, want := "60s", "--- FAIL: TestSuite"
			if defect == holdsLock { // it stands still
				timeout, want = "2s", "panic: test timed out"
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestSuite$", "-test.failfast",
				"-test.short="+strconv.FormatBool(defect != takesAny), "-test.timeout="+timeout, "-rapid.checks=30", "-rapid.shrinktime=1ms", "-rapid.nofailfile", "-defect="+defect)
			out, err := cmd.CombinedOutput()
			if _, ok := errors.AsType[*exec.ExitError](err); !ok || !bytes.Contains(out, []byte(want)) {
				t.Errorf("got %v, want the suite to say %q:\n%s", err, want, out)
			}
		})
	}
}
