package dynamostate

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"

	"intercom-connector/internal/aws/wire"
)

// newClient returns what sends requests
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html).
func newClient(cfg aws.Config) *wire.Client {
	return wire.New(cfg, wire.Service{ID: "DynamoDB", Name: "dynamodb", Target: "DynamoDB_20120810", Version: "1.0"})
}

// A request has what the operations of this package take, each some of it.
type request struct {
	TableName string

	Key  item `json:",omitempty"`
	Item item `json:",omitempty"`

	ConsistentRead         bool   `json:",omitempty"`
	KeyConditionExpression string `json:",omitempty"`
	ConditionExpression    string `json:",omitempty"`
	FilterExpression       string `json:",omitempty"`
	ProjectionExpression   string `json:",omitempty"`

	ExpressionAttributeValues           item   `json:",omitempty"`
	ReturnValuesOnConditionCheckFailure string `json:",omitempty"`

	ExclusiveStartKey item `json:",omitempty"`
}

// An answer has what they return.
type answer struct {
	Item             item   `json:"Item"`
	Items            []item `json:"Items"`
	LastEvaluatedKey item   `json:"LastEvaluatedKey"`
}

// call sends a request about the table.
func (s *Store) call(ctx context.Context, operation string, r request) (answer, error) {
	r.TableName = s.table
	var a answer
	err := s.client.Call(ctx, operation, r, &a)
	return a, err
}

// pages yields the items of a Query or a Scan.
func (s *Store) pages(ctx context.Context, operation string, r request) iter.Seq2[[]item, error] {
	return func(yield func([]item, error) bool) {
		for {
			page, err := s.call(ctx, operation, r)
			if !yield(page.Items, err) || err != nil || len(page.LastEvaluatedKey) == 0 {
				return
			}
			r.ExclusiveStartKey = page.LastEvaluatedKey
		}
	}
}

// stands returns the item that did not meet a write's condition, and whether
// that is what an error is about. It takes returnOld.
func stands(err error) (item, bool) {
	failed, ok := errors.AsType[*wire.Error](err)
	if !ok || failed.Code != "ConditionalCheckFailedException" {
		return nil, false
	}
	var a answer
	_ = json.Unmarshal(failed.Body, &a) // without an item it is somebody else's
	return a.Item, true
}

// returnOld has a write that fails its condition say what stands there.
const returnOld = "ALL_OLD"
