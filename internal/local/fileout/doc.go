// Package fileout writes events as NDJSON, one CloudEvents object a line: to a
// file that outlives crashes ([Open]) or to a stream such as standard output
// ([Stdout]). What cannot be delivered is kept in a file beside ([Quarantine]),
// and so is what was answered to messages ([Responses]).
//
// # What is safe when
//
// Deliver takes events into a buffer, Flush makes all of them safe: written
// and on the disk. Whoever remembers how far it came does so after Flush and
// goes on from there after a crash, so what was not flushed comes again.
//
// # Files and crashes
//
// A file only grows by whole lines. Half a line at its end is what a crash
// left of an event that nobody was told is safe, and the next Open cuts it off.
// A write that fails, on a full disk say, is undone as far as the disk lets
// it, and the file takes nothing more until it is opened again: the events
// since the last Flush are gone from its buffer.
//
// A file has one writer. The lock is the file beside it with .lock behind its
// name; it stays there, and a process that dies frees it.
package fileout
