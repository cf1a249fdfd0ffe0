package sqlitestate

import (
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"
)

// explain says in front of SQLite's error what it means for whoever has to
// mend it. Any other error it returns as it is.
func explain(err error) error {
	var meaning string
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		meaning = "the disk is full"
	case sqlite3.SQLITE_NOTADB:
		meaning = "the file is no database"
	case sqlite3.SQLITE_CORRUPT:
		meaning = "the file is damaged"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		meaning = "the file or its folder cannot be written"
	case sqlite3.SQLITE_CANTOPEN:
		meaning = "the file cannot be opened"
	case sqlite3.SQLITE_IOERR:
		meaning = "the disk cannot be read or written"
	case sqlite3.SQLITE_BUSY:
		meaning = "another process does not let go of the file"
	default:
		return err
	}
	return fmt.Errorf("%s: %w", meaning, err)
}
