package file

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"intercom-connector/internal/config"
)

// MaxSize is the largest file in bytes that is read.
const MaxSize = 1 << 20

// Load reads and checks the file at path. The error is an [Errors] unless the
// file cannot be read.
func Load(path string) (*config.Config, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Read returns the content of the file at path, and never much more than
// [MaxSize] of it, so that [Check] can say what is wrong with a larger one.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return data, nil
}

// Parse checks the content of a file; name is what errors call it. The error
// is an [Errors].
func Parse(name string, data []byte) (*config.Config, error) {
	cfg, _, err := Check(name, data)
	return cfg, err
}

// Check is [Parse] with notes: what is not wrong, but worth knowing before the
// configuration is used. There are none beside an error.
func Check(name string, data []byte) (*config.Config, []Note, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // editors on Windows write a byte order mark
	p := newProblems(name, data)
	doc := &Document{}
	if root := parseTree(data, p); root != nil {
		decodeDocument(root, doc, p)
		cfg, notes := checkDocument(doc, p)
		if len(p.list) == 0 {
			return cfg, notes, nil
		}
	}
	return nil, nil, p.err()
}
