package dynamostate_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/statetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	statetest.Run(t, func(t *testing.T) state.Store {
		t.Helper()
		return dynamostate.New(cfg, table(t, cfg))
	}, statetest.Options{TTL: 2 * time.Second, Checks: 20})
}

// The contract holds on a bad day as well: what fails is repeated.
func TestContractWithFaults(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a while")
	}
	cfg := config(t)
	statetest.Run(t, func(t *testing.T) state.Store {
		t.Helper()
		name := table(t, cfg)
		// An update whose answer is lost, and that others have replaced before
		// it is repeated, comes as a conflict: whoever counts counts twice.
		counts := strings.HasSuffix(t.Name(), "/no_increment_is_lost")
		cfg, faults := faulty(cfg)
		faults.mercy = true
		var requests atomic.Int64
		faults.on = func(operation, body string) fault {
			// The emulator could not tell the difference.
			if strings.HasPrefix(operation, "Get") || operation == "Query" || operation == "Scan" {
				if !strings.Contains(body, `"ConsistentRead":true`) {
					t.Errorf("a %s that may not see the last writes", operation)
				}
			}
			switch n := requests.Add(1); {
			case n%11 == 3:
				return throttled
			case n%13 == 5:
				return failed
			case n%17 == 7:
				return cut
			case n%7 == 2 && !counts:
				return lost
			}
			return none
		}
		return dynamostate.New(cfg, name)
	}, statetest.Options{TTL: 3 * time.Second, Checks: 10})
}

// config reaches the emulator.
func config(t *testing.T) aws.Config {
	t.Helper()
	cfg, err := awsconfig.New(awstest.Start(t).Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// table makes a table for one test.
func table(t *testing.T, cfg aws.Config) string {
	t.Helper()
	name := awstest.Start(t).Name(t)
	if err := awstest.CreateTable(t.Context(), cfg, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = dynamodb.NewFromConfig(cfg).DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
	})
	return name
}
