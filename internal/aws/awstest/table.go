package awstest

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"intercom-connector/internal/names"
)

// CreateTable makes a state table with the keys that infra gives it.
func CreateTable(ctx context.Context, cfg aws.Config, name string) error {
	attribute := func(key string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &key, AttributeType: types.ScalarAttributeTypeS}
	}
	element := func(key string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &key, KeyType: kind}
	}
	_, err := dynamodb.NewFromConfig(cfg).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{attribute(names.TablePartitionKey), attribute(names.TableSortKey)},
		KeySchema: []types.KeySchemaElement{
			element(names.TablePartitionKey, types.KeyTypeHash), element(names.TableSortKey, types.KeyTypeRange),
		},
	})
	return err
}
