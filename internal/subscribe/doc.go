// Package subscribe reads an entity of an Intercom workspace and hands its
// records on as events: plan, read, transform, deliver, checkpoint. A laptop
// and a Lambda function run the same [Engine] on different plugs.
//
// # What is promised
//
// Delivery is at least once. Events are delivered, the destination says that
// they are safe, what was delivered is remembered, and only then is the
// position saved: a run that dies anywhere goes on from a position whose
// records are all out. An incremental subscription drops a record only if the
// very same bytes were delivered before.
//
// # How a run is built
//
// A run is a list of planned requests and, under way, a set of slices: parts of
// the reading that do not depend on each other, each with a position of its
// own. Where an entity can be searched by date, a slice is a range of dates,
// newest record first, and whenever the rate limit leaves room for a request
// that no slice is waiting to send, the older half of the largest slice becomes
// a slice of its own. Everything else is one slice a request.
//
// One goroutine decides everything: it asks the governor for room, starts
// requests, takes pages in, delivers and saves. Only the requests themselves
// run beside it, which is what makes a run reproducible in a simulation.
//
// # Over several invocations
//
// Where an invocation has an end, [Options].StopAt comes before it: the run is
// saved there and handed over to another invocation, which [Options].Continue
// makes the only one to go on with it. A hand-over that is delivered twice, or
// comes after a trigger that has gone on with the run, changes nothing.
//
// What could go on for ever does not. A run that is where it was at its last
// hand-over fails ([StuckError]) and is kept for the next trigger. One that is
// to be handed over more than 24 hours after it began fails ([TooLongError])
// each time, so that somebody looks, and is kept as well: a first load that
// needs more than a day comes to its end with the schedule's triggers, an
// invocation at each, and loses nothing of what it has read.
//
// # Dates
//
// Whether a date filter means days or seconds differs between entities and
// versions, and the sources conflict. Bounds are therefore asked for so that
// both meanings give at least the records wanted, and records are compared to
// the second here: see bounds.go.
package subscribe
