package sqlitestate

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// settings are those of every connection.
var settings = url.Values{
	"_pragma": {
		"busy_timeout(10000)", // ms: no commit of ours takes nearly as long
		"synchronous(FULL)",   // a commit is on the disk when it returns
		"fullfsync(1)",        // macOS: through the drive's own cache too
		"checkpoint_fullfsync(1)",
		"cache_size(-1024)",           // KiB: records are few, and read once
		"journal_size_limit(4194304)", // bytes: a large value does not leave a large log
		"temp_store(MEMORY)",
	},
	"_txlock":   {"immediate"}, // a transaction that will write says so before it reads
	"_error_rc": {"1"},         // the text of an error is that of its code
}

// makeFile makes an empty file, which is an empty database, where there is
// none, so that SQLite never chooses the mode: the log takes it over.
//
// A file that is there is not opened: closing it again would drop the locks that
// another Store of this process has on it (https://sqlite.org/howtocorrupt.html,
// 2.2).
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// dsn names the file as the driver wants it: a URI, because a plain path may
// not have a question mark in it.
func dsn(path string) (string, error) {
	if path == Memory {
		return "file::memory:?" + settings.Encode(), nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // Windows: file:///C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}
	return u.String(), nil
}
