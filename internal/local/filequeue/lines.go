package filequeue

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"intercom-connector/internal/publish"
)

// chunk is how much is read at once, in bytes.
const chunk = 128 << 10

// lines splits a stream into lines of bounded length.
type lines struct {
	r      *bufio.Reader
	number int
	long   []byte // a line that did not fit into one chunk
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, chunk)} }

// A line is one line of a file.
type line struct {
	number int    // from 1
	text   []byte // without its line break; nil where it is too long. It is valid until the next line.
	size   int64  // in bytes, without its line break
	ended  bool   // by a line break, and not by the end of the file
}

func (l *line) tooLong() bool { return l.size > publish.MaxMessage }

// blank reports whether there is nothing on the line.
func (l *line) blank() bool { return !l.tooLong() && len(bytes.TrimSpace(l.text)) == 0 }

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next line, or io.EOF after the last.
func (l *lines) next() (line, error) {
	l.long = l.long[:0]
	var size int64
	for {
		part, err := l.r.ReadSlice('\n')
		size += int64(len(part))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if len(l.long) <= publish.MaxMessage+lineBreak {
				l.long = append(l.long, part...)
			}
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return line{}, err
		case errors.Is(err, io.EOF) && size == 0:
			return line{}, io.EOF
		}
		if len(l.long) > 0 {
			part = append(l.long, part...)
			l.long = part[:0]
		}
		l.number++
		return l.trim(part, size, err == nil), nil
	}
}

// lineBreak is the longest, in bytes.
const lineBreak = len("\r\n")

// trim takes the line break and a byte order mark off. text may be shorter than
// size where the line is too long.
func (l *lines) trim(text []byte, size int64, ended bool) line {
	held := len(text)
	text = bytes.TrimSuffix(text, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	if l.number == 1 {
		text = bytes.TrimPrefix(text, byteOrderMark)
	}
	found := line{number: l.number, text: text, size: size - int64(held-len(text)), ended: ended}
	if found.tooLong() {
		found.text = nil
	}
	return found
}
