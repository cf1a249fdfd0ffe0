package dynamostate

import (
	"strconv"
	"strings"
	"time"

	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

// An item is what DynamoDB calls one.
type item map[string]attribute

// An attribute is a value, of those kinds that are used here
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html).
type attribute struct {
	S *string `json:",omitempty"` // a text
	N string  `json:",omitempty"` // a number
	B *[]byte `json:",omitempty"` // bytes
}

// The attributes beside names.TablePartitionKey, TableSortKey and TableTTL.
// Some stand in conditions as well.
const (
	attrRevision = "rev"
	attrValue    = "val"
	attrLength   = "len"
	attrPart     = "part"
	attrExpires  = "exp"
	attrRecord   = "record"
	attrBegan    = "began"
)

// A head is the item of a record.
type head struct {
	key     string
	rev     state.Revision
	expires time.Time // zero: never
	value   []byte    // nil where it is in chunks
	length  int       // of a value in chunks
	part    int       // bytes of each chunk but the last
}

func (h head) expired() bool { return !h.expires.IsZero() && !time.Now().Before(h.expires) }

// itemKey is where a record is.
func (h head) itemKey() item { return keyOf(partition(h.key), h.key) }

func keyOf(pk, sk string) item {
	return item{names.TablePartitionKey: text(pk), names.TableSortKey: text(sk)}
}

// item is what DynamoDB keeps of a record that is written now.
func (h head) item(now time.Time) item {
	it := h.itemKey()
	it[attrRevision] = text(string(h.rev))
	if h.length > 0 {
		it[attrLength], it[attrPart] = number(int64(h.length)), number(int64(h.part))
	} else {
		it[attrValue] = binary(h.value)
	}
	if !h.expires.IsZero() {
		it[attrExpires] = number(h.expires.UnixMicro())
		it[names.TableTTL] = ttl(h.expires, now)
	}
	return it
}

// headOf reads the item of a record. Anything else is none.
func headOf(it item) (head, bool) {
	h := head{
		key:    textOf(it[names.TableSortKey]),
		rev:    state.Revision(textOf(it[attrRevision])),
		value:  binaryOf(it[attrValue]),
		length: int(numberOf(it[attrLength])),
		part:   int(numberOf(it[attrPart])),
	}
	if _, ok := it[attrExpires]; ok {
		h.expires = time.UnixMicro(numberOf(it[attrExpires]))
	}
	return h, h.rev != ""
}

// spread are the first words of the keys that have a partition each.
var spread = map[string]bool{
	"sent/":   true, // idempotency records: one or two writes for each message
	"same/":   true, // of equal messages
	"fresh/":  true, // contacts that were just made
	"memory/": true, // what was delivered: up to 256 KB every second of a run
}

// partition is the partition of a key. It has a slash, as no other item's.
func partition(key string) string {
	first := firstWord(key)
	switch {
	case first == "":
		return "/"
	case spread[first]:
		return key
	default:
		return first
	}
}

// firstWord is what a key or a prefix begins with, up to the first slash and
// with it, or "" where there is none.
func firstWord(key string) string {
	return key[:strings.IndexByte(key, '/')+1]
}

// ttl is when DynamoDB may remove an item: after its expiry, and not so long ago
// that it would take the value for no time (five years,
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html).
func ttl(expires, now time.Time) attribute {
	return number(max(expires.Unix(), now.Unix()) + 1)
}

func text(s string) attribute { return attribute{S: &s} }

// binary is never null, as nil would be.
func binary(b []byte) attribute {
	if b == nil {
		b = []byte{}
	}
	return attribute{B: &b}
}

func number(n int64) attribute { return attribute{N: strconv.FormatInt(n, 10)} }

func textOf(v attribute) string {
	if v.S == nil {
		return ""
	}
	return *v.S
}

func binaryOf(v attribute) []byte {
	if v.B == nil {
		return nil
	}
	return *v.B
}

func numberOf(v attribute) int64 {
	n, _ := strconv.ParseInt(v.N, 10, 64) // ours is one
	return n
}
