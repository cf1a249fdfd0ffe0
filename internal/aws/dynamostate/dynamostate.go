package dynamostate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"intercom-connector/internal/aws/wire"
	"intercom-connector/internal/state"
)

// A Store keeps records in a table. It may be used by many goroutines.
type Store struct {
	client *wire.Client
	table  string
	swept  atomic.Pointer[time.Time] // when sets without a record were last looked for
}

var _ state.Store = (*Store)(nil)

// New returns the store in a table, which must be there already.
func New(cfg aws.Config, table string) *Store {
	return &Store{client: newClient(cfg), table: table}
}

// The conditions of writes. What has expired is absent.
const (
	ifAbsent   = "attribute_not_exists(rev) OR exp <= :now"
	ifRevision = "rev = :rev AND (attribute_not_exists(exp) OR exp > :now)"
)

// Get implements [state.Store].
func (s *Store) Get(ctx context.Context, key string) (state.Record, error) {
	if err := errors.Join(ctx.Err(), state.CheckKey(key)); err != nil {
		return state.Record{}, err
	}
	h, err := s.head(ctx, key)
	if err != nil {
		return state.Record{}, explain(ctx, "get", key, err)
	}
	r, err := s.whole(ctx, h)
	if err != nil {
		return state.Record{}, explain(ctx, "get", key, err)
	}
	return r, nil
}

// Create implements [state.Store].
func (s *Store) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	if err := errors.Join(ctx.Err(), state.CheckKey(key), state.CheckValue(value)); err != nil {
		return "", err
	}
	rev, err := s.write(ctx, key, value, "", expires)
	if err != nil {
		return "", explain(ctx, "create", key, err)
	}
	return rev, nil
}

// Save implements [state.Store].
func (s *Store) Save(
	ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time,
) (state.Revision, error) {
	if err := errors.Join(ctx.Err(), state.CheckKey(key), state.CheckValue(value)); err != nil {
		return "", err
	}
	if rev == "" {
		return "", state.ErrConflict
	}
	next, err := s.write(ctx, key, value, rev, expires)
	if err != nil {
		return "", explain(ctx, "save", key, err)
	}
	s.removeSet(ctx, key, rev)
	return next, nil
}

// Delete implements [state.Store].
func (s *Store) Delete(ctx context.Context, key string, rev state.Revision) error {
	if err := errors.Join(ctx.Err(), state.CheckKey(key)); err != nil {
		return err
	}
	if rev == "" {
		return state.ErrConflict
	}
	// Expired by every clock, whatever this machine's says.
	gone := head{key: key, rev: newRevision(0), expires: time.Unix(0, 0)}
	if err := s.put(ctx, gone, rev); err != nil {
		return explain(ctx, "delete", key, err)
	}
	// The record is deleted by now. That its remains are gone as well saves
	// lists from reading them; DynamoDB would remove them in the end.
	_, _ = s.call(ctx, "DeleteItem", request{
		Key:                       gone.itemKey(),
		ConditionExpression:       "rev = :rev",
		ExpressionAttributeValues: item{":rev": text(string(gone.rev))},
	})
	s.removeSet(ctx, key, rev)
	return nil
}

// write puts a value over the revision old, or where nothing is for "", and
// returns its revision.
func (s *Store) write(
	ctx context.Context, key string, value []byte, old state.Revision, expires time.Time,
) (state.Revision, error) {
	h := head{key: key, rev: newRevision(0), value: value, expires: expires}
	if len(value) <= maxInline {
		return h.rev, s.put(ctx, h, old)
	}
	return s.writeChunked(ctx, h, old)
}

// put writes the item of a record, over the revision old or where nothing is.
func (s *Store) put(ctx context.Context, h head, old state.Revision) error {
	now := time.Now()
	condition, lost := ifAbsent, state.ErrExists
	values := item{":now": number(now.UnixMicro())}
	if old != "" {
		condition, lost = ifRevision, state.ErrConflict
		values[":rev"] = text(string(old))
	}
	_, err := s.call(ctx, "PutItem", request{
		Item:                                h.item(now),
		ConditionExpression:                 condition,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: returnOld,
	})
	there, ok := stands(err)
	switch {
	case !ok:
		return err
	case string(h.rev) == textOf(there[attrRevision]):
		return nil // the answer to an earlier attempt was lost
	default:
		return lost
	}
}

// head reads the item of a record, or returns ErrNotFound.
func (s *Store) head(ctx context.Context, key string) (head, error) {
	out, err := s.call(ctx, "GetItem", request{Key: head{key: key}.itemKey(), ConsistentRead: true})
	if err != nil {
		return head{}, err
	}
	h, ok := headOf(out.Item)
	if !ok || h.expired() {
		return head{}, state.ErrNotFound
	}
	return h, nil
}

// newRevision returns a revision that nobody has had. It tells the number of
// the value's chunks, so that whoever replaces the record knows what to remove.
func newRevision(chunks int) state.Revision {
	if chunks == 0 {
		return state.Revision(rand.Text())
	}
	return state.Revision(fmt.Sprintf("%s.%d", rand.Text(), chunks))
}

// explain says what was being done. The end of the context comes as itself,
// however a client calls it.
func explain(ctx context.Context, doing, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, state.ErrNotFound), isLost(err):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("state: %s %s: %w", doing, key, ctx.Err())
	default:
		return fmt.Errorf("state: %s %s: %w", doing, key, err)
	}
}

// isLost reports whether somebody else's write was first.
func isLost(err error) bool {
	return errors.Is(err, state.ErrExists) || errors.Is(err, state.ErrConflict)
}
