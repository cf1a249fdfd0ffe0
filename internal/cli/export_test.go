package cli

import "time"

// For tests of what has no other way in.
var (
	Number  = number
	Count   = count
	Size    = size
	Lasting = lasting
	OneLine = oneLine
	Quote   = quote
	Pretty  = pretty
)

// InstantAt reads a value of --since.
func InstantAt(text string, now time.Time, zone *time.Location) (time.Time, error) {
	return instant(text).at("--since", now, zone)
}
