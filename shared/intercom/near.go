package intercom

import (
	"cmp"
	"slices"
	"strings"
)

// maxNear is how many suggestions a person still reads.
const maxNear = 3

// Near returns the candidates that are spelt most like word, nearest first, at
// most three, none where all are too far to be meant: about a third of the
// word may differ. Upper and lower case do not count.
func Near(word string, candidates []string) []string {
	type near struct {
		name     string
		distance int
	}
	limit := max(1, (len(word)+2)/3)
	lower := []rune(strings.ToLower(word))
	var found []near
	for _, name := range candidates {
		if d := distance(lower, []rune(strings.ToLower(name))); d <= limit {
			found = append(found, near{name, d})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.name, b.name))
	})
	var names []string
	for _, f := range found {
		// What is much farther than the best is noise beside it.
		if len(names) == maxNear || f.distance > found[0].distance+1 {
			break
		}
		names = append(names, f.name)
	}
	return names
}

// distance counts the edits from a to b: a letter inserted, left out, replaced,
// or swapped with the next one (optimal string alignment).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
