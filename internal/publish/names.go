package publish

import "context"

// Names returns the id and the group that a delivery goes by: the transform's,
// the message's or the transport's, in this order, and "" where none of them
// has one. A message that would be dead has those that could be read. The only
// error is ctx's.
func (p *Publisher) Names(ctx context.Context, d Delivery) (id, group string, err error) {
	m, err := p.read(ctx, d)
	if err != nil {
		return "", "", err
	}
	return m.id, m.group, nil
}
