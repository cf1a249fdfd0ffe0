package subscribe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// longestRun is how long a run is handed over from one invocation to the next.
// One that is not over by then may never be, and somebody should look.
const longestRun = 24 * time.Hour

// A Handover is what an invocation has to know to go on with a run that another
// one has stopped: which run it is, and as of which save. Only one can make use
// of it: whoever saves first has the run, and for all others it is over at once.
type Handover struct {
	Run      string         `json:"run"`
	Revision state.Revision `json:"revision"` // of the checkpoint
}

// A Mark is how far a run had come when it was handed over.
type Mark struct {
	Time     int64  `json:"time"`     // unix seconds
	Position string `json:"position"` // a hash
}

// A StuckError ends a run that is where it was when it was handed over the last
// time: another invocation would do no better. The run is kept, and the next
// trigger goes on with it.
type StuckError struct {
	Run   string
	Since time.Time // when it was handed over
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("run %s has not moved since it was handed over at %s and does not go on by itself: the next trigger goes on with it",
		e.Run, e.Since.UTC().Format(time.RFC3339))
}

// A TooLongError ends a run that has been handed over for more than a day: it
// may be going in circles. The run is kept, and the next trigger goes on with it
// from its position.
type TooLongError struct {
	Run     string
	Started time.Time
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("run %s began at %s, more than %v hours ago, and does not go on by itself: the next trigger goes on with it",
		e.Run, e.Started.UTC().Format(time.RFC3339), longestRun.Hours())
}

// handOver ends what this invocation does of a run, unless nobody should go on.
func (r *run) handOver() error {
	now := Mark{Time: time.Now().Unix(), Position: r.position()}
	last := r.work.Handed
	switch {
	case r.serverNow()-r.work.Started > int64(longestRun/time.Second):
		return &TooLongError{Run: r.work.ID, Started: time.Unix(r.work.Started, 0)}
	case last != nil && last.Position == now.Position:
		return &StuckError{Run: r.work.ID, Since: time.Unix(last.Time, 0)}
	}
	r.work.Handed, r.handed = &now, true
	return ErrInterrupted
}

// position hashes where the run is: what would be read again if it was stopped
// here. However much is asked, it moves only when an answer was of use.
func (r *run) position() string {
	text, err := json.Marshal(Run{
		Phase: r.work.Phase, Next: r.work.Next, Refused: r.work.Refused, Audit: r.work.Audit, Slices: r.durable(),
	})
	if err != nil {
		panic("subscribe: a position that is not JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// checkHandover looks whether a hand-over was made use of before, by what is
// remembered alone: one that is delivered a second time asks Intercom nothing.
func (e *Engine) checkHandover(ctx context.Context, opts Options) error {
	if opts.Continue == nil {
		return nil
	}
	me, err := e.remembered(ctx)
	if err != nil {
		return err
	}
	k := e.keeper(me.ID, opts)
	if err := k.load(ctx); err != nil {
		return err
	}
	return k.expect(opts.Continue)
}

// expect refuses a hand-over that is not of the checkpoint as it is.
func (k *keeper) expect(h *Handover) error {
	if h != nil && (k.cp.Run == nil || k.cp.Run.ID != h.Run || k.rev != h.Revision) {
		return &OvertakenError{Key: k.key}
	}
	return nil
}
