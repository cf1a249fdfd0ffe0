// Package transform runs jq programs over the parameters of requests, over
// records and over messages: [Requests] and [Records] for subscriptions,
// [Message] for publishers, [Program.Run] beneath them. The language is that of github.com/itchyny/gojq.
//
// # Reproducible programs
//
// A program sees its input and nothing else: no environment ($ENV, env), no
// further inputs (input, inputs), no modules, no debug output, none of the
// engine's own functions that begin with an underscore. It gets three more
// functions:
//
//   - sha256: the SHA-256 of a string, in hexadecimal digits;
//   - hmac(key): the HMAC-SHA-256 of a string, in hexadecimal digits;
//   - epoch: unix seconds of an RFC 3339 time or of a date, which means its
//     midnight in UTC; a number stays as it is.
//
// The time is there as now, but an event's id promises that the same record
// gives the same event, so a record's transformer does better without it.
//
// # Numbers, keys and text
//
// A number that a program only passes on keeps its digits, however many they
// are; integers of any size compute exactly. Keys come out sorted, and of a key
// that an object has twice the last one counts. Text that is no UTF-8 becomes
// U+FFFD, as does half a surrogate pair.
//
// # Bounds
//
// No program can hang a run, whatever is in it: see [MaxTime], [MaxOutputs],
// [MaxOutput] and [MaxInput]. Work is counted in steps of the engine too,
// [MaxSteps] and some for each byte of the input, because memory grows with
// steps and a machine is fast: the worst programs reach about 60 bytes a step,
// so some 250 MB. What could make something huge in one step (joining and
// repeating strings, doubling arrays, an assignment to element 500,000,000,
// encoding nested structures that share their parts) is measured before it is
// done.
//
// What remains: a single built-in function that takes long on the data it got,
// such as a regular expression with tens of thousands of matches, cannot be
// interrupted.
// The caller gets [ErrTimeout] all the same, and the function goes on in the
// background until it is done; while [maxStuck] of them do, the program refuses
// further inputs. And explode and split turn a string of n bytes into a list
// of up to 32 times n.
package transform
