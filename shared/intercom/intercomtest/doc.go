// Package intercomtest is a fake Intercom workspace for tests, demos and
// benchmarks. It keeps objects and obeys rules, it does not replay pages: what
// a client asks for twice can have changed in between, exactly as it can there.
//
//	ws := intercomtest.New(intercomtest.Config{Contacts: 10_000})
//	client := &http.Client{Transport: ws}       // inside testing/synctest
//	server := httptest.NewServer(ws)            // over a real connection
//
// # A workspace
//
// [New] fills a workspace from a seed: equal configurations give equal bytes,
// and equal sequences of requests get equal answers. What is remembered about a
// record is a few numbers, everything else is made from its id when it is
// served, so a million contacts of 2 KB fit in about 50 MB. Only what a client
// writes is kept as it was written.
//
// [Workspace.Records] is the truth to compare a read with; [Workspace.Create],
// [Workspace.Touch], [Workspace.UpdateSilently], [Workspace.Delete] and their
// like change it, also from [Workspace.OnRequest], which is called for every
// request and so changes records while they are being read.
//
// # Time
//
// The workspace uses the package time and no goroutines: inside a synctest
// bubble latency and rate limits cost nothing. [Workspace.RoundTrip] opens no
// sockets and gives up waiting when the request's context ends.
//
// # The rules
//
// They are those of API version 2.16, with what is known of the live service
// where that differs from its description: days instead of seconds in the date
// filters of contacts, cursors that hold a sort value and an id and are bound
// to nothing else, four ways of announcing a next page, nested lists that end
// at ten, companies whose pages end at 10,000 and whose scroll is one at a time
// and dies of a minute's silence, tickets that change without saying so, and a
// search that sees a change only [Config.IndexLag] after it happened. The
// comments of the files name them one by one.
//
// Every operation of the catalog is answered: reads that have no rules of their
// own by objects of the right shape (shapes.go), writes that have none by making,
// changing or deleting a record of a list (genericwrites.go).
// [Workspace.Example] has a request that succeeds for each of them.
//
// # Writes
//
// What a client writes, it can read: at once by a GET or in a list, after
// [Config.IndexLag] in a search, and by those who address a contact that it has
// just made after [Config.CreateLag]. Writing has its rules, too: contacts that
// are there already or in the archive, attributes that must exist, merged
// contacts that lead to others, companies, custom objects and external pages
// that are updated where they exist, events that are not counted twice, one
// export at a time. Replies, notes, messages, conversations and tickets are
// never the same as others, however equal: sent twice, they are there twice.
//
// [Workspace.Writes] is the truth about that: every write that was applied, in
// order, with a digest of its payload, a marker found in it and what its client
// was answered. A test that marks its messages can tell which of them were
// applied how often and in which order, whatever went wrong on the way:
//
//	for _, w := range ws.Marked("marker:42") { … }
//
// # Faults
//
// [Workspace.Fault] orders a fault for some requests: an [Effect] such as
// [HTML], [Cut] or [RepeatCursor], and which requests it befalls. Several may
// befall one. A fault keeps a write from being applied, unless its After says
// that only the answer is lost, or its effect is one that comes after everything
// anyway, as [NoAnswer] does. [Workspace.LimitNext] answers the next request with
// a 429; [Workspace.Revoke], [Workspace.Lock] and [Workspace.Unpay] refuse
// everything until [Workspace.Restore].
// [Workspace.Stats] tells what the clients did, including what they must not:
// requests between a 429 and its reset, and tokens that went to another host.
package intercomtest
