package cli

import (
	"cmp"
	"context"
	"slices"

	"intercom-connector/internal/aws/stackaccess"
)

// listOnStack lists the dead letters of a stack.
func (c *listLettersCommand) listOnStack(ctx context.Context, a *app) error {
	d, err := a.stack(ctx, c.stackFlags)
	if err != nil {
		return err
	}
	bag, err := d.collect(ctx, c.Publisher, nil)
	if err != nil {
		return err
	}
	if len(bag.queues) == 0 && c.Publisher != "" {
		if err := a.checkPublisher(c.Publisher); err != nil {
			return err
		}
		return &usageError{&missingQueueError{stack: d.Stack, publisher: c.Publisher}}
	}
	a.missing(bag)
	return a.writeLetters(bag.letters)
}

// showOnStack shows a dead letter of a stack.
func (c *showLetterCommand) showOnStack(ctx context.Context, a *app) error {
	d, err := a.stack(ctx, c.stackFlags)
	if err != nil {
		return err
	}
	messages := map[string]stackLetter{}
	bag, err := d.collect(ctx, "", func(l stackLetter) {
		if _, err := findListed([]listedLetter{l.listedLetter}, c.ID); err == nil {
			messages[l.Key] = l
		}
	})
	if err != nil {
		return err
	}
	a.missing(bag)
	found, err := findListed(bag.letters, c.ID)
	if err != nil {
		return err
	}
	message := []byte(messages[found.Key].incoming.Body)
	if found.Claim != "" {
		message = nil
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, shownLetter(found, message))
	}
	return writeLetter(a.Stdout, found, message)
}

// dropOnStack forgets dead letters of a stack.
func (c *dropLettersCommand) dropOnStack(ctx context.Context, a *app) error {
	d, err := a.stack(ctx, c.stackFlags)
	if err != nil {
		return err
	}
	bag, err := d.collect(ctx, c.Publisher, nil)
	if err != nil {
		return err
	}
	a.missing(bag)
	chosen, err := c.among(bag.letters)
	if err != nil {
		return err
	}
	if !c.confirm(a, len(chosen)) {
		return &statusError{statusUsage}
	}
	dropped := map[string]bool{}
	err = d.work(ctx, bag.queues, chosen, func(q stackaccess.Queue, some []stackLetter) ([]stackLetter, error) {
		if err := d.Delete(ctx, q, handles(some)); err != nil {
			return nil, err
		}
		for i := range some {
			dropped[some[i].Key] = true
		}
		return some, nil
	})
	if tellErr := a.tellDropped(int64(len(dropped))); err == nil {
		err = tellErr
	}
	if left := len(chosen) - len(dropped); err == nil && left > 0 {
		a.complain("%s could not be dropped: somebody else has them in flight; run it again in a while", count(int64(left), "dead letter"))
		return &statusError{statusFailed}
	}
	return err
}

// atOnceBytes bounds the messages of letters that are held in memory.
const atOnceBytes = 64 << 20

// work does something to the chosen letters, one queue after the other, the
// oldest first. do returns those that are gone from the queue.
func (d *deployment) work(ctx context.Context, queues []stackaccess.Queue, chosen []listedLetter, do func(stackaccess.Queue, []stackLetter) ([]stackLetter, error)) error {
	meant := map[string]bool{}
	in := map[string]bool{}
	for i := range chosen {
		meant[chosen[i].Key], in[chosen[i].Publisher] = true, true
	}
	for _, q := range queues {
		if !in[q.Owner] {
			continue
		}
		if err := d.workOn(ctx, q, meant, do); err != nil {
			return err
		}
	}
	return nil
}

func (d *deployment) workOn(ctx context.Context, q stackaccess.Queue, meant map[string]bool, do func(stackaccess.Queue, []stackLetter) ([]stackLetter, error)) error {
	var (
		waiting []stackLetter
		bytes   int
	)
	_, err := d.sweep(ctx, q, func(some []stackLetter) ([]stackLetter, error) {
		for i := range some {
			if meant[some[i].Key] {
				waiting = append(waiting, some[i])
				bytes += some[i].Bytes
			}
		}
		if len(waiting) == 0 || len(some) > 0 && bytes < atOnceBytes {
			return nil, nil
		}
		all := waiting
		waiting, bytes = nil, 0
		slices.SortStableFunc(all, func(a, b stackLetter) int {
			return cmp.Or(a.incoming.Sent.Compare(b.incoming.Sent), a.Time.Compare(b.Time))
		})
		return do(q, all)
	})
	return err
}

func handles(some []stackLetter) []string {
	all := make([]string, len(some))
	for i := range some {
		all[i] = some[i].incoming.Handle
	}
	return all
}
