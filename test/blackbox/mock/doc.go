// Package mock is a small Intercom, written from Intercom's own description of
// its API and from what people have reported of it, and from nothing else in
// this repository: where the connector and its own fake share a mistake, this
// one does not.
//
// A [Workspace] is an http.Handler. It keeps records, answers lists and
// searches as Intercom pages them, meters requests in windows of ten seconds,
// and misbehaves on order, see [Fault]. What it was asked is kept, see
// [Workspace.Requests], and so is what that has changed, see
// [Workspace.Writes].
package mock
