package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// A Digest is the SHA-256 of some bytes, cut to 128 bits: enough that no two
// records of a workspace ever share one by accident.
type Digest [16]byte

// DigestOf returns the digest of a record as it was served.
func DigestOf(record []byte) Digest {
	sum := sha256.Sum256(record)
	return Digest(sum[:len(Digest{})])
}

// An Identity is everything that makes an event the event it is: two events
// are the same exactly when all of it is equal.
type Identity struct {
	Workspace    string
	Subscription string
	Resource     string    // see [Resource]
	Record       string    // the record's id, "" where it has none
	Changed      time.Time // the record's last change, the zero time where it tells none
	Content      Digest    // of the record as served, before any transformer
	Output       int       // which of the transformer's outputs it is, from 0
}

// identityVersion is part of every id, so that a later way to make them cannot
// meet an id of this one.
const identityVersion = "intercom-connector event 1"

// ID returns the id of the event that i describes: 32 hexadecimal digits, the
// same for the same identity on every machine and in every run.
//
// Every field goes into the hash with its length, so moving a character from
// one field to the next gives another id.
func ID(i Identity) string {
	var room [320]byte // on the stack, and long enough for all but absurd names
	b := append(room[:0], identityVersion...)
	b = appendField(b, i.Workspace)
	b = appendField(b, i.Subscription)
	b = appendField(b, i.Resource)
	b = appendField(b, i.Record)
	b = binary.AppendVarint(b, i.Changed.Unix())
	b = binary.AppendVarint(b, int64(i.Changed.Nanosecond()))
	b = append(b, i.Content[:]...)
	b = binary.AppendVarint(b, int64(i.Output))

	sum := sha256.Sum256(b)
	var digits [32]byte
	hex.Encode(digits[:], sum[:16])
	return string(digits[:])
}

// appendField appends s behind its length.
func appendField(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
