package dynamostate

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
	pages := dynamodb.NewQueryPaginator(s.client, &dynamodb.QueryInput{
		TableName:              &s.table,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String(names.TablePartitionKey + " = :pk"),
		FilterExpression:       aws.String(attrBegan + " < :began"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": text(setsPartition), ":began": number(now.Add(-abandoned).Unix()),
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, set := range page.Items {
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
