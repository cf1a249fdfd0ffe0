// Command plain is a yardstick: the program that one would write without a
// connector. It reads GET /contacts one page after the other, splits each with
// encoding/json into raw messages and writes them to a file, one a line. It
// keeps no position, retries nothing and knows no limits.
package main

import (
	"bufio"
	"encoding/json"
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
	out := flag.String("out", "", "the file to write")
	flag.Parse()
	if err := run(*base, *out); err != nil {
		fmt.Fprintln(os.Stderr, "plain:", err)
		os.Exit(1)
	}
}

func run(base, out string) (err error) {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := bufio.NewWriterSize(file, 64<<10)
	for cursor, more := "", true; more; {
		body, err := get(base + "/contacts?per_page=150&starting_after=" + url.QueryEscape(cursor))
		if err != nil {
			return err
		}
		var page struct {
			Data  []json.RawMessage `json:"data"`
			Pages struct {
				Next *struct {
					StartingAfter string `json:"starting_after"`
				} `json:"next"`
			} `json:"pages"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return err
		}
		for _, record := range page.Data {
			if _, err := lines.Write(record); err != nil {
				return err
			}
			if err := lines.WriteByte('\n'); err != nil {
				return err
			}
		}
		if more = page.Pages.Next != nil; more {
			cursor = page.Pages.Next.StartingAfter
		}
	}
	return lines.Flush()
}

func get(target string) ([]byte, error) {
	resp, err := http.Get(target) //nolint:forbidigo,noctx // as plain as can be
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}
