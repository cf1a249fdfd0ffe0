// Package filequeue hands the lines of a file over as messages, as a queue
// would, and remembers which of them are finished.
//
// # Lines
//
// A file has one message a line. Blank lines are passed over, a byte order mark
// at the beginning and carriage returns at the ends of lines as well. A line
// that cannot be a message at all, because it is too long or because the file
// ends in the middle of it, is a [Bad] one. No line is ever held in memory
// beyond the size of a message, whatever the file holds.
//
// # Names
//
// A message without an id of its own goes by the digest of the whole file and
// the number of its line, so the same file published again consists of the same
// messages, wherever it lies and whatever it is called. A file that has changed
// by a single byte is another file, with other messages.
//
// # Progress
//
// [Progress] remembers how far a file has come: the last line that was handed
// out and which lines before it are still open. Those are as many as are under
// way at once, so the record stays small however long the file is.
package filequeue
