package publish

import (
	"context"
	"time"
)

// Later is what becomes of a delivery that nothing can be done about because of
// cause, which is not its own: another try, until it is Overdue. Then it is dead
// with its reason, before its queue puts it aside without any, or unknown, if
// an earlier try may have been applied.
func (p *Publisher) Later(ctx context.Context, d Delivery, cause error) Result {
	r := Result{ID: d.ID, Group: d.Group, Line: d.Line, Outcome: Retry, Reason: cause.Error(), After: p.backoff(d.Tries)}
	if !Overdue(d, p.Publisher.GiveUpAfter) || ctx.Err() != nil {
		return r
	}
	m, err := p.read(ctx, d)
	if err != nil {
		return r // no time is left
	}
	ctx = about(ctx, d, m.id)
	c := p.course(d, m, 1)
	r.ID, r.Group = m.id, m.group
	switch {
	case m.problem != "":
		r.Outcome, r.Reason, r.After = Dead, m.problem, 0
	case c.tracked():
		claim, err := p.load(ctx, m.id)
		if err != nil || claim.State == done {
			return r // its end is remembered, and is told once it can be
		}
		c.unsettled = claim.State == sending || claim.State == unknown || claim.Lost
	}
	if r.Outcome == Retry {
		r = c.giveUp(r)
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	r = p.keep(ctx, d, r)
	p.note(ctx, d, r)
	return r
}

// Overdue reports whether a message is to be given up if it cannot be sent now:
// limit is over since it was sent, and it was tried often enough. What has waited
// while its client was paused is as old as the rest, and would die of the first
// answer that asks for patience.
func Overdue(d Delivery, limit time.Duration) bool {
	return limit > 0 && !d.Sent.IsZero() && time.Since(d.Sent) >= limit && triedFor(d.Tries, limit)
}
