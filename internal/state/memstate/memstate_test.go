package memstate_test

import (
	"testing"

	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/state/statetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(*testing.T) state.Store { return new(memstate.Store) }, statetest.Options{})
}
