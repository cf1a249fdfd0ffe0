// Package intercom speaks to Intercom's REST API: every operation of it, as
// data. It knows HTTP and JSON, and leaves to others what a record means and
// where it goes.
//
// # Operations
//
// An [Operation] is one request that the API knows; [Operations] lists them
// and [Find] looks one up by the words of Intercom's own pages. A [Request]
// adds the values of its path, the query and the payload. There is no method
// per endpoint: a new operation is a line of data.
//
// # Clients
//
// A [Client] reaches one workspace: [New] takes where ([BaseURL] of a region,
// or any base), which version of the API, and a [TokenSource].
// [Client.Do] is the usual way to send a request; [Client.Send] makes a single
// attempt for callers that plan for themselves; [Client.Wire] shows what would
// be sent and sends nothing. [Client.Me] tells whose token it is, and
// [CheckRegion] whether its workspace lives where the client looks for it.
//
// A [RenewingSource] has tokens that are replaced meanwhile: after a 401 it is
// asked once for another, and the request is sent again with that.
//
// The token goes to the host of the base URL and nowhere else. Redirects are
// followed for reads only, over https, without the token, at most three, and
// never to an address that is not public. A contact that was merged into
// another is read there.
//
// # Pages
//
// [SplitPage] cuts a [Response] into records without decoding them. A [Pager]
// is the position in a list, small enough to be kept in a checkpoint: it makes
// the request of the next page and takes in the page that came. One rule
// serves all the ways in which Intercom announces a next page.
// [Client.Pages] puts these together.
//
// # The rate limit
//
// A [Governor] decides when a request may be sent. The headers of the answers
// count all use of an app by whoever, so processes that know nothing of each
// other share the limit. Requests are spread over what remains of the window,
// reading may leave a reserve to writing, and after a 429 nothing is sent until
// the reset. The number of requests under way and the size of pages follow
// what the server bears.
//
// # Errors
//
// An answer outside 2xx is an [*APIError], which errors.Is compares with
// [ErrNotFound] and its like; a 429 is a [*RateLimitError]. A request without
// a complete answer is a [*TransportError], and says whether it may have
// arrived. [Temporary] tells whether to ask again, [Shrink] whether to ask for
// less. No error and no log shows the token, a query, a payload, or what
// Intercom quotes of them.
package intercom
