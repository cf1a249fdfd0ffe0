// Package dynamostate is a [state.Store] in one DynamoDB table.
//
// # The table
//
// Its keys are the strings pk and sk, its time-to-live attribute is ttl
// (constants of internal/names). Items are of three kinds:
//
//	record   pk  where the key belongs, always with a slash
//	         sk  the key
//	         rev the revision
//	         val the value; instead, where it is in chunks:
//	         len its bytes, and part, how many of them a chunk has
//	         exp when it expires, in microseconds of Unix time; no exp: never
//	chunk    pk  chunk#set#number
//	         sk  the key of its record
//	         val a part of the value
//	set      pk     sets
//	         sk     the revision of its record
//	         record the key of its record
//	         began  when its writing began, in Unix seconds
//
// # Partitions
//
// A record belongs to the partition of its key's first word: checkpoint/ab12/x
// to checkpoint/, a key without a slash to /. So a List whose prefix has a slash
// is a Query, in the order of keys. A partition takes a thousand writes of a
// kilobyte a second, so where records are many or large, each has a partition of
// its own: what deduplication and idempotency remember. A List of those, and one
// whose prefix has no slash, scans the whole table; nothing of ours does it.
//
// # Writes
//
// Every write is one PutItem with a condition. A revision is a random token that
// the caller's try has before it is sent. So when a request is repeated whose
// answer was lost, and the condition fails because the first one was carried
// out, the record that is there has the token: it was our own. To delete is to
// write a record without a value that has expired, for the same reason: where
// nothing is left, nobody can tell whose deletion it was. What remains is removed
// right after, or, as all that has expired, by DynamoDB days later; it is absent
// at once, because every call compares the time itself.
//
// # Large values
//
// A value over 300 KB is cut into chunks. They are written under the new
// revision's name before the record that refers to them, and those of the
// revision before are removed after it. Who reads a record and finds a chunk
// gone reads the record again, so no one sees half of a value.
//
// Whoever dies on the way leaves chunks behind. Each set of them is written down
// before its first chunk is. Now and then a write of a large value looks these
// sets up and removes those that are an hour old and that no record refers to.
// No write takes that long: one that does gives up before it refers to them.
package dynamostate
