package cli

import "intercom-connector/internal/aws/stackaccess"

// A parcel is a message on its way to a queue, with what it is for the sender:
// the line of a file, or the number of a dead letter.
type parcel struct {
	stackaccess.Outgoing

	mark int
}

// A bundler makes batches of parcels as SQS takes them. Of a batch SQS may take
// the later ones and not the earlier ones, so no two of a group are in one.
type bundler struct {
	send func(batch []parcel) error

	batch  []parcel
	bytes  int
	groups map[string]bool
}

// add sends what cannot go together with p first.
func (b *bundler) add(p parcel) error {
	if len(b.batch) == stackaccess.MaxBatch || b.bytes+p.Size() > stackaccess.MaxBatchBytes || b.groups[p.Group] {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.batch = append(b.batch, p)
	b.bytes += p.Size()
	if p.Group != "" {
		if b.groups == nil {
			b.groups = map[string]bool{}
		}
		b.groups[p.Group] = true
	}
	return nil
}

// flush sends what is left.
func (b *bundler) flush() error {
	full := b.batch
	b.batch, b.bytes = nil, 0
	clear(b.groups)
	if len(full) == 0 {
		return nil
	}
	return b.send(full)
}

// outgoing are the messages of a batch.
func outgoing(batch []parcel) []stackaccess.Outgoing {
	messages := make([]stackaccess.Outgoing, len(batch))
	for i := range batch {
		messages[i] = batch[i].Outgoing
	}
	return messages
}
