// Package doctor finds out what is wrong between a configuration and Intercom,
// this machine or a deployed stack, and says each in one sentence with its
// remedy.
//
// # What it asks
//
// Of each client: whether there is a token and Intercom takes it, whose it is,
// where its workspace lives, whether the version of the API is known, how much
// of the rate limit is left, and how far this machine's clock is off. A token
// that the configured region does not know is shown to Intercom's other regions,
// and to nobody else.
//
// Of each subscription: its own first request, for one record, where that can be
// sent without input and without side effects. Otherwise another read that needs
// the same permission stands in for it. Of each publisher: a read that belongs to
// its permission, since a write cannot be tried without writing; what that does
// not show is said.
//
// # What it does not do
//
// It writes nothing, to Intercom or elsewhere. It shows no token, and nothing of
// a record: only that one may be read.
//
// # Bounds
//
// A request has ten seconds, a few of each client are under way at a time, equal
// ones are sent once, and what would be refused like the one before is not sent.
package doctor
