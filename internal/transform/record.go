package transform

import (
	"context"
	"encoding/json"
)

// Records returns what a subscription's record_transform makes of a record:
// none, one or several values, each any JSON value on one line. Without a
// program (nil) it is the record itself, byte for byte.
//
// The errors are those of [Program.Run]. Other than ctx's own they mean that
// the record is to be quarantined.
func Records(ctx context.Context, p *Program, record []byte) ([]json.RawMessage, error) {
	if p == nil {
		return []json.RawMessage{record}, nil
	}
	return p.Run(ctx, record)
}
