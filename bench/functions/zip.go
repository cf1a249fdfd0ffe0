package main

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
)

// A counter only counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// zipped is how large the archive of a function's folder is.
func zipped(dir string) (int64, error) {
	var size counter
	w := zip.NewWriter(&size)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		part, err := w.Create(e.Name())
		if err != nil {
			return 0, err
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(part, f)
		_ = f.Close() // it was read only
		if err != nil {
			return 0, err
		}
	}
	err = w.Close()
	return int64(size), err
}
