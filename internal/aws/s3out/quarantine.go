package s3out

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"intercom-connector/internal/names"
	"intercom-connector/internal/subscribe"
)

// A Quarantine keeps what cannot go on, one object each:
//
//	quarantine/<subscription>/<yyyy>/<mm>/<dd>/<run>-<hash>.json
//
// A run that meets the same again after a crash writes the same object again. It
// is safe for concurrent use.
type Quarantine struct{ put putter }

var _ subscribe.Quarantine = (*Quarantine)(nil)

// NewQuarantine returns the quarantine of a bucket, for all subscriptions.
func NewQuarantine(api API, bucket string) *Quarantine {
	return &Quarantine{put: putter{api: api, bucket: bucket}}
}

// Put implements subscribe.Quarantine.
func (q *Quarantine) Put(ctx context.Context, item subscribe.Quarantined) error {
	body, err := item.Encode()
	if err != nil {
		return err
	}
	key := names.QuarantinePrefix + item.Subscription + "/" + day(item.Time) + "/" +
		item.Run + "-" + hashOf(item.Stage, item.ID, string(item.Record)) + ".json"
	return q.put.object(ctx, key, append(body, '\n'), "application/json")
}

// hashOf is a name for what parts say together, each with its length.
func hashOf(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
