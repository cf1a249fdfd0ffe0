// Package trigger is what the function does that reads with a client: it takes
// a trigger, runs the subscription it names until that is up to date or the
// invocation's deadline is near, and goes on in another invocation of itself.
// What reading is, is in internal/subscribe; what Lambda is, is in the main.
//
// # Triggers
//
// A trigger is a JSON object, see [Trigger]:
//
//	{"subscription": "contacts"}                     a schedule, or a person
//	{"subscription": "contacts", "input": {…}}       what request_transform sees as .input
//	{"subscription": "contacts", "reset": true}      also keep_watermark, replace_workspace
//	{"subscription": "contacts", "since": "2026-01-02T00:00:00Z", "until": …}
//	{"subscription": "contacts", "force": true}      although it is not enabled
//	{"subscription": "contacts", "continue": {"run": …, "revision": …}}
//	{"watch": true}                                  the hourly look over everything
//
// Whatever else comes is refused with a [RefusedError], and logged once. As the
// function has no asynchronous retries, it does not come again.
//
// # How an invocation ends
//
//	done, incomplete   up to date; the report is the answer
//	interrupted        stopped in time, and invoked again ("continues": true)
//	busy, overtaken    another invocation is at it; no error, as nothing is wrong
//	failed             an error, one sentence, for the failure destination
//
// A run that fails because the token was refused pauses the client's publishers,
// which share it, unless there is another token by now: see internal/pause.
//
// If the function cannot invoke itself the run waits for the next firing, which
// goes on with it. Where there is no schedule, that is an error.
//
// # Deadlines and signals
//
// A run stops 45 seconds before its deadline, or a quarter of the time that it
// has where that is less: enough to make safe what was delivered, to save where
// it is and to invoke itself. Two thirds of that later everything is cancelled
// that is still under way.
//
// Lambda sends SIGTERM when it ends an execution environment: mostly one that
// is idle, and one whose invocation has run out of time, half a second before
// it kills it. The main cancels the context then. A run that is under way gives
// up what it waits for, makes safe what it can and saves: it does not invoke
// itself, the next firing goes on.
package trigger
