package dynamostate_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

var never time.Time

// What stands in the table is what the package's comment says.
func TestLayout(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	store := dynamostate.New(cfg, name)
	expires := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		key, pk string
		expires time.Time
	}{
		{"checkpoint/ab12/contacts", "checkpoint/", never},
		{"checkpoint", "/", never},
		{"client/main", "client/", never},
		{"/odd", "/", never},
		{"sent/ab12/update/0123", "sent/ab12/update/0123", expires},
		{"same/ab12/0123", "same/ab12/0123", expires},
		{"fresh/ab12/0123", "fresh/ab12/0123", expires},
		{"memory/ab12/contacts/00000001", "memory/ab12/contacts/00000001", never},
	} {
		rev, err := store.Create(t.Context(), tt.key, []byte("value"), tt.expires)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"pk": tt.pk, "sk": tt.key, "rev": string(rev), "val": "value"}
		if !tt.expires.IsZero() {
			want["exp"] = strconv.FormatInt(tt.expires.UnixMicro(), 10)
			want["ttl"] = strconv.FormatInt(tt.expires.Unix()+1, 10)
		}
		if diff := cmp.Diff(want, plain(find(t, cfg, name, tt.key))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.key, diff)
		}
	}
}

// DynamoDB never removes what expired more than five years ago, so that is
// never what it is told.
func TestTimeToLiveOfWhatExpiredLongAgo(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	before := time.Now().Unix()
	if _, err := dynamostate.New(cfg, name).Create(t.Context(), "a", nil, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	got, err := strconv.ParseInt(plain(find(t, cfg, name, "a"))[names.TableTTL], 10, 64)
	if err != nil || got < before {
		t.Errorf("ttl: got %d, %v, want now", got, err)
	}
}

// A list of what belongs together asks one partition and is in order; any
// other is in order as well.
func TestListAsks(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	cfg, faults := faulty(cfg)
	store := dynamostate.New(cfg, name)
	for _, key := range []string{
		"checkpoint/b/2", "checkpoint/b/10", "checkpoint/a/1", "checkpoint/é/1", "checkpoints/a/1", "checkpoint", "client/a",
		"sent/a/1", "sent/a/3", "sent/a/2", "sent/b/1", "sentinel",
	} {
		if _, err := store.Create(t.Context(), key, nil, never); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	asked := map[string]int{}
	faults.on = func(operation, _ string) fault {
		mu.Lock()
		defer mu.Unlock()
		asked[operation]++
		return none
	}
	for _, tt := range []struct {
		prefix string
		want   []string
		asked  map[string]int
	}{
		{"checkpoint/", []string{"checkpoint/a/1", "checkpoint/b/10", "checkpoint/b/2", "checkpoint/é/1"}, map[string]int{"Query": 1}},
		{"checkpoint/b/", []string{"checkpoint/b/10", "checkpoint/b/2"}, map[string]int{"Query": 1}},
		{"checkpoint/\xc3", []string{"checkpoint/é/1"}, map[string]int{"Query": 1}},
		{"checkpoint/c", nil, map[string]int{"Query": 1}},
		{"sent/a/", []string{"sent/a/1", "sent/a/2", "sent/a/3"}, map[string]int{"Scan": 1, "GetItem": 3}},
		{"sent", []string{"sent/a/1", "sent/a/2", "sent/a/3", "sent/b/1", "sentinel"}, map[string]int{"Scan": 1, "GetItem": 5}},
	} {
		clear(asked)
		var got []string
		for r, err := range store.List(t.Context(), tt.prefix) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.Key)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("List(%q) (-want +got):\n%s", tt.prefix, diff)
		}
		if diff := cmp.Diff(tt.asked, asked); diff != "" {
			t.Errorf("requests of List(%q) (-want +got):\n%s", tt.prefix, diff)
		}
	}
}

// Nothing is left of a value that was replaced, deleted, or lost its race.
func TestNoChunkStays(t *testing.T) {
	t.Parallel()
	large := make([]byte, 1<<20)
	for name, play := range map[string]func(t *testing.T, store *dynamostate.Store, rev state.Revision) (keep int){
		"saved small": func(t *testing.T, store *dynamostate.Store, rev state.Revision) int {
			t.Helper()
			_, err := store.Save(t.Context(), "a", nil, rev, never)
			wantNo(t, err)
			return 1
		},
		"saved large": func(t *testing.T, store *dynamostate.Store, rev state.Revision) int {
			t.Helper()
			_, err := store.Save(t.Context(), "a", make([]byte, 500<<10), rev, never)
			wantNo(t, err)
			return 4 // the record, its set, two chunks
		},
		"deleted": func(t *testing.T, store *dynamostate.Store, rev state.Revision) int {
			t.Helper()
			wantNo(t, store.Delete(t.Context(), "a", rev))
			return 0
		},
		"raced for": func(t *testing.T, store *dynamostate.Store, rev state.Revision) int {
			t.Helper()
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() { _, _ = store.Save(t.Context(), "a", large, rev, never) })
			}
			wg.Wait()
			return 6 // the record, its set, four chunks
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			name := table(t, cfg)
			store := dynamostate.New(cfg, name)
			rev, err := store.Create(t.Context(), "a", large, never)
			wantNo(t, err)
			want := play(t, store, rev)
			if got := everything(t, cfg, name); len(got) != want {
				t.Errorf("%d items, want %d: %q", len(got), want, kinds(got))
			}
		})
	}
}

// What expires takes its chunks along, a day later.
func TestChunksExpire(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	expires := time.Now().Add(time.Hour)
	_, err := dynamostate.New(cfg, name).Create(t.Context(), "a", make([]byte, 500<<10), expires)
	wantNo(t, err)
	for _, it := range everything(t, cfg, name) {
		want := expires.Unix() + 1
		if _, isRecord := it["rev"]; !isRecord {
			want += 24 * 60 * 60
		}
		if got := plain(it)[names.TableTTL]; got != strconv.FormatInt(want, 10) {
			t.Errorf("%q: ttl %s, want %d", kinds([]map[string]types.AttributeValue{it}), got, want)
		}
	}
}

// Whoever dies while writing a large value leaves chunks behind, which a later
// write removes: not too early, and none that is needed.
func TestAbandonedChunksAreRemoved(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	large := make([]byte, 700<<10)
	store := dynamostate.New(cfg, name)
	kept, err := store.Create(t.Context(), "kept", large, never)
	wantNo(t, err)

	broken, faults := faulty(cfg)
	faults.on = func(operation, body string) fault {
		if operation == "PutItem" && strings.Contains(body, `"rev"`) {
			return failed
		}
		return none
	}
	for _, key := range []string{"early", "late"} {
		if _, err := dynamostate.New(broken, name).Create(t.Context(), key, large, never); err == nil {
			t.Fatal("no error")
		}
	}
	age(t, cfg, name, "kept", 2*time.Hour)
	age(t, cfg, name, "early", 61*time.Minute)
	age(t, cfg, name, "late", 50*time.Minute)

	// A process looks for them when it writes its first large value.
	_, err = dynamostate.New(cfg, name).Create(t.Context(), "another", large, never)
	wantNo(t, err)
	chunks := map[string]int{}
	for _, it := range everything(t, cfg, name) {
		if p := plain(it); strings.HasPrefix(p["pk"], "chunk#") {
			chunks[p["sk"]]++
		}
	}
	if diff := cmp.Diff(map[string]int{"kept": 3, "late": 3, "another": 3}, chunks); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	got, err := store.Get(t.Context(), "kept")
	if err != nil || got.Revision != kept || len(got.Value) != len(large) {
		t.Errorf("the record has %d bytes at %q, %v", len(got.Value), got.Revision, err)
	}
}

// A value that has lost a part is an error, never a shorter value.
func TestMissingChunk(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	store := dynamostate.New(cfg, name)
	_, err := store.Create(t.Context(), "a", make([]byte, 700<<10), never)
	wantNo(t, err)
	for _, it := range everything(t, cfg, name) {
		if strings.HasSuffix(plain(it)["pk"], "#1") {
			_, err := dynamodb.NewFromConfig(cfg).DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
				TableName: &name, Key: map[string]types.AttributeValue{"pk": it["pk"], "sk": it["sk"]},
			})
			wantNo(t, err)
		}
	}
	r, err := store.Get(t.Context(), "a")
	if err == nil || r.Value != nil {
		t.Errorf("got %d bytes, %v, want an error", len(r.Value), err)
	}
}

func wantNo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// age makes a set of chunks older than it is.
func age(t *testing.T, cfg aws.Config, table, key string, by time.Duration) {
	t.Helper()
	for _, it := range everything(t, cfg, table) {
		if p := plain(it); p["pk"] == "sets" && p["record"] == key {
			it["began"] = &types.AttributeValueMemberN{Value: strconv.FormatInt(time.Now().Add(-by).Unix(), 10)}
			_, err := dynamodb.NewFromConfig(cfg).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it})
			wantNo(t, err)
			return
		}
	}
	t.Fatalf("%s has no set of chunks", key)
}

// everything returns all items of a table.
func everything(t *testing.T, cfg aws.Config, table string) []map[string]types.AttributeValue {
	t.Helper()
	var items []map[string]types.AttributeValue
	for pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(cfg), &dynamodb.ScanInput{TableName: &table}); pages.HasMorePages(); {
		page, err := pages.NextPage(context.WithoutCancel(t.Context()))
		wantNo(t, err)
		items = append(items, page.Items...)
	}
	return items
}

// find returns the item of a record.
func find(t *testing.T, cfg aws.Config, table, key string) map[string]types.AttributeValue {
	t.Helper()
	for _, it := range everything(t, cfg, table) {
		if plain(it)["sk"] == key {
			return it
		}
	}
	t.Fatalf("no item of %q", key)
	return nil
}

// plain returns the attributes of an item as they read.
func plain(it map[string]types.AttributeValue) map[string]string {
	p := map[string]string{}
	for name, v := range it {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			p[name] = v.Value
		case *types.AttributeValueMemberN:
			p[name] = v.Value
		case *types.AttributeValueMemberB:
			p[name] = string(v.Value)
		}
	}
	return p
}

// kinds returns the keys of items.
func kinds(items []map[string]types.AttributeValue) []string {
	var all []string
	for _, it := range items {
		all = append(all, plain(it)["pk"]+" "+plain(it)["sk"])
	}
	slices.Sort(all)
	return all
}
