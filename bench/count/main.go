// Command count is a yardstick: the least that a program can do with the pages
// of GET /contacts. It reads one after the other, looks for the next cursor at
// the end of each, counts bytes and keeps nothing. What it needs is what
// HTTP and the server cost.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

func main() {
	base := flag.String("url", "", "where the server is")
	flag.Parse()
	total, err := run(*base)
	if err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, total)
}

// run returns the number of bytes of all pages.
func run(base string) (int64, error) {
	var (
		total  int64
		buffer bytes.Buffer
	)
	for cursor, more := "", true; more; {
		buffer.Reset()
		if err := get(base+"/contacts?per_page=150&starting_after="+url.QueryEscape(cursor), &buffer); err != nil {
			return total, err
		}
		total += int64(buffer.Len())
		cursor, more = next(buffer.Bytes())
	}
	return total, nil
}

// next finds the cursor behind the last record of a page.
func next(page []byte) (string, bool) {
	mark := []byte(`"starting_after":"`)
	tail := page[max(0, len(page)-512):]
	i := bytes.LastIndex(tail, mark)
	if i < 0 {
		return "", false
	}
	cursor, _, found := bytes.Cut(tail[i+len(mark):], []byte(`"`))
	return string(cursor), found
}

func get(target string, into *bytes.Buffer) error {
	resp, err := http.Get(target) //nolint:forbidigo,noctx // as plain as can be
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	_, err = io.Copy(into, resp.Body)
	return err
}
