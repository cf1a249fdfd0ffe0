// Package grant connects a workspace by a click: OAuth's "grant access", from
// the link to the stored token. It knows HTTP, a [state.Store] and a [Vault],
// and neither AWS nor a laptop.
//
// # The way of a grant
//
// [Issue] makes a link: Intercom's authorize page, and a state, 32 random bytes
// that are good once, for ten minutes, for one client of one stack. Whoever may
// install apps in the workspace opens the link and agrees. Intercom sends their
// browser to [Handler], which spends the state, exchanges the code for a token,
// asks /me whose it is, refuses a workspace or region that is not the client's,
// stores the token, and lets publishers that were paused send again. [Await]
// tells whoever issued the link what came of it.
//
// # What is stored where
//
// The store has oauth/HASH, where HASH is the SHA-256 of the state: nobody who
// reads the store can finish a grant. Spending it is a compare-and-swap, so of
// several requests with one state exactly one goes on. The record outlives the
// ten minutes, so that a link that is late or used twice can be called what it
// is. The token is in the vault and nowhere else.
//
// # What nobody is shown
//
// No page, log line or error has a state, a code, a token, a client secret or
// anything else of the query.
package grant
