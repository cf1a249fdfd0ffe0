package dynamostate

import (
	"context"
	"time"

	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

// sweepNowAndThen removes chunks without a record, once an hour at the most. They
// take room and do nothing else, so an error in it is no error of the write: a
// later one tries again.
func (s *Store) sweepNowAndThen(ctx context.Context) {
	now, last := time.Now(), s.swept.Load()
	if last != nil && now.Sub(*last) < abandoned || !s.swept.CompareAndSwap(last, &now) {
		return
	}
	_ = s.sweep(ctx, now)
}

// sweep removes the sets of chunks that were begun an hour before now and that
// no record refers to.
func (s *Store) sweep(ctx context.Context, now time.Time) error {
	for page, err := range s.pages(ctx, "Query", request{
		ConsistentRead:         true,
		KeyConditionExpression: names.TablePartitionKey + " = :pk",
		FilterExpression:       attrBegan + " < :began",
		ExpressionAttributeValues: item{
			":pk": text(setsPartition), ":began": number(now.Add(-abandoned).Unix()),
		},
	}) {
		if err != nil {
			return err
		}
		for _, set := range page {
			key, rev := textOf(set[attrRecord]), state.Revision(textOf(set[names.TableSortKey]))
			err := s.foresee(ctx, key, rev) // is the record at this very revision?
			switch {
			case err == nil:
				continue
			case !isLost(err):
				return err
			}
			s.removeSet(ctx, key, rev)
		}
	}
	return nil
}
