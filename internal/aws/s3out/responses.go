package s3out

import (
	"context"

	"intercom-connector/internal/names"
	"intercom-connector/internal/publish"
)

// Responses keeps what Intercom answered, one object a message:
//
//	responses/<publisher>/<yyyy>/<mm>/<dd>/<hash of the message's id>.json
//
// The day is the one of the answer. It is safe for concurrent use.
type Responses struct {
	put       putter
	publisher string
}

var _ publish.Responder = (*Responses)(nil)

// NewResponses returns the responses of a publisher.
func NewResponses(api API, bucket, publisher string) *Responses {
	return &Responses{put: putter{api: api, bucket: bucket}, publisher: publisher}
}

// Respond implements publish.Responder.
func (r *Responses) Respond(ctx context.Context, result publish.Result) error {
	response := result.Respond(r.publisher)
	body, err := response.Encode()
	if err != nil {
		return err
	}
	key := names.ResponsesPrefix + r.publisher + "/" + day(response.Time) + "/" + hashOf(result.ID) + ".json"
	return r.put.object(ctx, key, append(body, '\n'), "application/json")
}
