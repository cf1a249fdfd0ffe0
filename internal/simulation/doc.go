// Package simulation lives through days of the connector's life in a moment,
// from a seed: a workspace that changes while it is read, answers that fail,
// processes that die between any two steps, pause for minutes and run over one
// another. At the end it asks whether anything was lost, invented, sent twice
// without need, or went backwards. All of it is in its tests.
//
// # A seed is a history
//
// Virtual time alone does not decide which goroutine goes first. So everything
// that comes from outside a process (an answer of the API, of the store, of the
// destination, and randomness) passes through one hand: whoever asks for it
// waits until every goroutine has come to rest, and then the hand lets one of
// those who wait go on, the one whose turn it is by the seed. Every history is
// lived twice and must leave the same trace, step by step.
//
// # Two sides
//
// Histories of reading (TestHistories) are about what is delivered from a
// workspace that changes; histories of writing (TestPublishingHistories, the files
// publish_*) about messages that change one: queues that hand out what was
// acknowledged, in the wrong order between groups, and again while a worker is
// still at it; requests that arrive after their sender has given them up or died;
// files that are begun anew. At the end every message is accounted for, and the
// workspace's own log says whether that is true.
//
// # Is it any good
//
// A simulation is believed if it finds bugs. The table of planted defects breaks
// the engine's sources, each in one place, and every defect must be found
// within the seeds that an ordinary test run lives through.
//
//	go test ./internal/simulation                        # as many as a test run has time for
//	go test ./internal/simulation -args -seeds=10000     # as many as you like
//	go test ./internal/simulation -run '^TestHistories' -v -args -seed=42 -trace
//	go test ./internal/simulation -run Publishing -v -args -seed=42 -trace
package simulation
