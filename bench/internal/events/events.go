// Package events counts what a run has written, without trusting what the run
// says about itself.
package events

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// A Count is what a file of events holds.
type Count struct {
	Events  int `json:"events"`
	Records int `json:"records"` // different ones, by their id
}

// Read counts the events of r, one a line, and the different subjects they
// have. It remembers 8 bytes of each.
func Read(r io.Reader) (Count, error) {
	var (
		subjects []uint64
		lines    = bufio.NewReaderSize(r, 1<<20)
		count    Count
	)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil {
			return count, fmt.Errorf("line %d: %w", count.Events+1, err)
		}
		count.Events++
		subject, found := subjectOf(line)
		if !found {
			return count, fmt.Errorf("line %d: an event without a subject", count.Events)
		}
		h := fnv.New64a()
		_, _ = h.Write(subject) // a hash takes everything
		subjects = append(subjects, h.Sum64())
	}
	slices.Sort(subjects)
	count.Records = len(slices.Compact(subjects))
	return count, nil
}

// subjectOf finds the event's subject, which is written before its data.
func subjectOf(line []byte) ([]byte, bool) {
	_, after, found := bytes.Cut(line, []byte(`"subject":"`))
	if !found {
		return nil, false
	}
	subject, _, found := bytes.Cut(after, []byte(`"`))
	return subject, found
}
