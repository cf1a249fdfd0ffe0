package dynamostate

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

// An item is what DynamoDB calls one.
type item = map[string]types.AttributeValue

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
func ttl(expires, now time.Time) types.AttributeValue {
	return number(max(expires.Unix(), now.Unix()) + 1)
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// binary is never null, as nil would be.
func binary(b []byte) types.AttributeValue {
	if b == nil {
		b = []byte{}
	}
	return &types.AttributeValueMemberB{Value: b}
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(v types.AttributeValue) string {
	if v, ok := v.(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func binaryOf(v types.AttributeValue) []byte {
	if v, ok := v.(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func numberOf(v types.AttributeValue) int64 {
	if v, ok := v.(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64) // ours is one
		return n
	}
	return 0
}
