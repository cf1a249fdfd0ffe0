package dynamostate

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

// List implements [state.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return func(yield func(state.Record, error) bool) {
		heads := s.scan
		if first := firstWord(prefix); first != "" && !spread[first] && utf8.ValidString(first) {
			heads = s.query
		}
		for h, err := range heads(ctx, prefix) {
			var r state.Record
			if err == nil {
				r, err = s.whole(ctx, h)
			}
			switch {
			case errors.Is(err, state.ErrNotFound):
			case err != nil:
				yield(state.Record{}, explain(ctx, "list", prefix, err))
				return
			case !yield(r, nil):
				return
			}
		}
	}
}

// query yields the heads of a prefix that lies within one partition.
func (s *Store) query(ctx context.Context, prefix string) iter.Seq2[head, error] {
	return func(yield func(head, error) bool) {
		for page, err := range s.pages(ctx, "Query", request{
			ConsistentRead:            true,
			KeyConditionExpression:    names.TablePartitionKey + " = :pk AND begins_with(" + names.TableSortKey + ", :prefix)",
			ExpressionAttributeValues: item{":pk": text(firstWord(prefix)), ":prefix": text(valid(prefix))},
		}) {
			if err != nil {
				yield(head{}, err)
				return
			}
			for _, it := range page {
				h, ok := headOf(it)
				if ok && !h.expired() && strings.HasPrefix(h.key, prefix) && !yield(h, nil) {
					return
				}
			}
		}
	}
}

// scan yields the heads of any prefix. It reads the whole table for their keys,
// sorts them, and then reads one after the other.
func (s *Store) scan(ctx context.Context, prefix string) iter.Seq2[head, error] {
	return func(yield func(head, error) bool) {
		keys, err := s.scanKeys(ctx, prefix)
		if err != nil {
			yield(head{}, err)
			return
		}
		for _, key := range keys {
			h, err := s.head(ctx, key)
			if errors.Is(err, state.ErrNotFound) {
				continue
			}
			if !yield(h, err) || err != nil {
				return
			}
		}
	}
}

// scanKeys returns the sorted keys of all records that begin with prefix.
func (s *Store) scanKeys(ctx context.Context, prefix string) ([]string, error) {
	r := request{
		ConsistentRead:       true,
		ProjectionExpression: names.TableSortKey + ", " + attrRevision + ", " + attrExpires,
		FilterExpression:     "attribute_exists(" + attrRevision + ")",
	}
	if ask := valid(prefix); ask != "" {
		r.FilterExpression += " AND begins_with(" + names.TableSortKey + ", :prefix)"
		r.ExpressionAttributeValues = item{":prefix": text(ask)}
	}
	var keys []string
	for page, err := range s.pages(ctx, "Scan", r) {
		if err != nil {
			return nil, err
		}
		for _, it := range page {
			h, ok := headOf(it)
			if ok && !h.expired() && strings.HasPrefix(h.key, prefix) {
				keys = append(keys, h.key)
			}
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// valid is as much of a prefix as DynamoDB can be asked for: one may end within
// a character.
func valid(prefix string) string {
	for i, r := range prefix {
		if r == utf8.RuneError && !strings.HasPrefix(prefix[i:], string(utf8.RuneError)) {
			return prefix[:i]
		}
	}
	return prefix
}
