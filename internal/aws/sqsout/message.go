package sqsout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"intercom-connector/internal/aws/queues"
)

// noSubject is the group of the events that have no subject. No record has such
// an id.
const noSubject = "no-subject"

// groupOf is the MessageGroupId of a record: its id, or a hash of an id that
// SQS does not take, or other where there is none.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html
func groupOf(subject, other string) string {
	if subject == "" {
		return other
	}
	return token(subject)
}

// token is what is used for s where SQS takes letters, digits and punctuation
// only, 128 of them at the most.
func token(s string) string {
	const most = 128
	plain := s != "" && len(s) <= most && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
	if plain {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + hex.EncodeToString(sum[:])
}

// attributes makes attributes of names and values, without those that have no
// value, which SQS does not take.
func attributes(pairs ...string) queues.Attributes {
	all := make(queues.Attributes, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all[pairs[i]] = pairs[i+1]
		}
	}
	return all
}

// permitted is JSON text with the two characters escaped that JSON permits and
// SQS does not. They can only stand in a string.
func permitted(text []byte) string {
	const start = "\xef\xbf" // of both
	if !bytes.Contains(text, []byte(start)) {
		return string(text)
	}
	return strings.NewReplacer("\uFFFE", `\ufffe`, "\uFFFF", `\uffff`).Replace(string(text))
}
