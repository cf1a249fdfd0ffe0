package updates

import "intercom-connector/shared/intercom/intercomtest"

// An Audit is what a server has seen of the messages.
type Audit struct {
	Writes   int `json:"writes"`   // that were applied
	Contacts int `json:"contacts"` // different ones that were written to
	Messages int `json:"messages"` // different ones that were applied
	// Disorder counts the writes that came before one that should have come
	// first, or after one that should have come later.
	Disorder int `json:"disorder"`
}

// Look audits the writes of a workspace. A write without a marker counts as
// one of a message that nobody sent.
func Look(writes []intercomtest.Write) Audit {
	a := Audit{Writes: len(writes)}
	next := map[string]int{} // contact -> number of the message that is due
	seen := map[string]bool{}
	for _, w := range writes {
		contact, n, ok := place(w.Marker)
		if !ok {
			a.Disorder++
			continue
		}
		if n != next[contact] {
			a.Disorder++
		}
		next[contact] = n + 1
		seen[w.Marker] = true
	}
	a.Contacts, a.Messages = len(next), len(seen)
	return a
}
