package simulation_test

import (
	"fmt"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
)

// changeNow changes something, now and again.
func (w *world) changeNow() {
	w.in(w.about(w.plan.changes), w.changeNow)
	w.change()
}

// change changes something in the workspace.
func (w *world) change() {
	if w.over() {
		return
	}
	n := w.rng.IntN(100)
	touches := w.plan.entity != intercomtest.ActivityLogs
	switch {
	case n < 25 && w.plan.creates || !touches:
		for range 1 + w.rng.IntN(3) {
			w.create()
		}
	case n < 35 && w.plan.deletes:
		w.remove()
	case n < 45 && w.plan.silent:
		w.touch(1+w.rng.IntN(3), false)
	case n < 50:
		w.touch(w.rng.IntN(1+min(len(w.truth.existing)/4, 70)), true) // in bulk, within one second
	default:
		w.touch(1+w.rng.IntN(5), true)
	}
}

// serverTime is the clock of the workspace.
func (w *world) serverTime() time.Time { return time.Now().Add(w.plan.skew) }

func (w *world) create() {
	id := w.ws.CreateAt(w.plan.entity, w.serverTime())
	w.note(0, "create", id)
	w.stats.changes++
	w.truth.observe(w.ws, id, true)
}

func (w *world) remove() {
	if len(w.truth.existing) < 2 {
		return
	}
	id := w.truth.existing[w.rng.IntN(len(w.truth.existing))]
	w.note(0, "archive", id)
	w.stats.changes++
	w.ws.Delete(w.plan.entity, id)
	w.truth.observe(w.ws, id, false)
}

// touch changes n records, loudly or without moving their updated_at.
func (w *world) touch(n int, loud bool) {
	if len(w.truth.existing) == 0 {
		return
	}
	ids := make([]string, 0, n)
	first := w.rng.IntN(len(w.truth.existing))
	for i := range min(n, len(w.truth.existing)) {
		ids = append(ids, w.truth.existing[(first+i)%len(w.truth.existing)])
	}
	w.note(0, "touch", fmt.Sprintf("%v loud %v", ids, loud))
	w.stats.changes += len(ids)
	if loud {
		w.ws.TouchAt(w.plan.entity, w.serverTime(), ids...)
	} else {
		w.ws.UpdateSilently(w.plan.entity, ids...)
	}
	for _, id := range ids {
		w.truth.observe(w.ws, id, loud)
	}
}
