// Package updates makes the messages whose publishing is measured, and counts
// what became of them from what the server saw, without trusting what the
// publisher says about itself.
package updates

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Write writes the messages of contacts contacts, one a line: each for each of
// them, one after the other, which is where an order is lost most easily. id
// gives the id of a contact by its number. More than one for a contact make a
// group that goes by the contact's id.
func Write(w io.Writer, contacts, each int, id func(contact int) string) error {
	lines := bufio.NewWriterSize(w, 64<<10)
	for contact := range contacts {
		name := id(contact)
		group := ""
		if each > 1 {
			group = `"group":"` + name + `",`
		}
		for n := range each {
			_, err := fmt.Fprintf(lines, `{"id":"update-%d-%d",%s"path":{"contact_id":"%s"},`+
				`"payload":{"name":"%s Zoë Müller","unsubscribed_from_emails":false,"custom_attributes":{"plan":"team","score":%d.5}}}`+"\n",
				contact, n, group, name, marker(contact, n), n)
			if err != nil {
				return err
			}
		}
	}
	return lines.Flush()
}

// Create writes the messages to a new file, see [Write].
func Create(path string, contacts, each int, id func(contact int) string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := Write(file, contacts, each, id); err != nil {
		_ = file.Close() // the error that counts is there already
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}

// CreateCommand is the command `messages PATH CONTACTS EACH` of a server whose
// contacts have these ids.
func CreateCommand(id func(contact int) string) func(args []string) (any, error) {
	return func(args []string) (any, error) {
		if len(args) != 3 {
			return nil, fmt.Errorf("messages takes a path and two numbers, got %d words", len(args))
		}
		contacts, err := strconv.Atoi(args[1])
		if err != nil {
			return nil, fmt.Errorf("messages for %q contacts", args[1])
		}
		each, err := strconv.Atoi(args[2])
		if err != nil {
			return nil, fmt.Errorf("messages, %q for each contact", args[2])
		}
		return nil, Create(args[0], contacts, each, id)
	}
}

// marker is the word by which an audit knows the nth message of a contact.
func marker(contact, n int) string { return fmt.Sprintf("marker:%d.%d", contact, n) }

// place reads a marker.
func place(marker string) (contact string, n int, ok bool) {
	text, found := strings.CutPrefix(marker, "marker:")
	contact, number, dot := strings.Cut(text, ".")
	n, err := strconv.Atoi(number)
	return contact, n, found && dot && err == nil
}
