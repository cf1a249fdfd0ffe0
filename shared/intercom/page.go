package intercom

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
)

// A Page is one answer, split into its records.
type Page struct {
	Records []Record
	// Total is how many records the whole list has, as told with this page, and
	// -1 where none was told.
	Total int64

	next announced
}

// A PageError is an answer that is not the page that was asked for: broken or
// cut JSON, no list where there should be one, an error list with a status of
// success. It carries nothing of the answer's content.
type PageError struct {
	Operation *Operation // nil where the error is about a single record
	Size      int        // the answer's length in bytes
	Offset    int        // where it stopped making sense, -1 where that is no place
	Reason    string
}

// Error says what is wrong, and where.
func (e *PageError) Error() string {
	var b strings.Builder
	b.WriteString("intercom: ")
	if e.Operation != nil {
		fmt.Fprintf(&b, "%s %s: ", e.Operation.Method, e.Operation.Path)
	}
	fmt.Fprintf(&b, "page of %d bytes: %s", e.Size, e.Reason)
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " at byte %d", e.Offset)
	}
	return b.String()
}

// Temporary tells whether the page is worth asking for again. A scroll's is
// not: the scroll has moved on all the same, and the records of the page can
// only be had by starting it over.
func (e *PageError) Temporary() bool {
	return e.Operation == nil || e.Operation.Paging != Scroll
}

// invalid returns the error for body where scanning ended with a negative end.
func invalid(body []byte, end int) *PageError {
	e := &PageError{Size: len(body), Offset: ^end, Reason: "no valid JSON"}
	if e.Offset >= len(body) {
		e.Offset, e.Reason = -1, "JSON is cut short"
	}
	return e
}

// SplitPage finds the records in the answer to op, without decoding them: the
// whole answer is checked to be valid JSON on the way, and each record is a
// part of the response's body.
//
// Where the records are is Operation.Items. Descriptions and the API disagree
// about some of the keys, so where the key is missing the list under "data" is
// taken, else the only list there is; and an answer that is no list but an
// object with an id (GET /companies?company_id=…) is a page of that object. A
// null is an empty list. An answer that is not JSON is one record.
//
// The error is a [*PageError].
func SplitPage(op *Operation, resp *Response) (Page, error) {
	body := resp.Body
	switch {
	case op.Answer == Text || op.Answer == Binary:
		return Page{Records: []Record{{Raw: body}}, Total: -1}, nil
	case len(body) == 0 && (op.Answer == Empty || resp.Status == 202 || resp.Status == 204):
		return Page{Total: -1}, nil
	}
	s := splitter{b: body, page: Page{Total: -1}, list: -1, data: -1}
	s.key, s.sub, _ = strings.Cut(op.Items, ".")
	if err := s.split(op); err != nil {
		err.Operation = op
		return Page{}, err
	}
	return s.page, nil
}

// A splitter is the state of splitting one body.
type splitter struct {
	b        []byte
	key, sub string // where the list is: under key, and there under sub, "" for none
	page     Page

	found  bool // key was there
	lists  int  // top-level arrays beside it
	list   int  // where one of them begins, -1 for none
	data   int  // where the array under "data" begins, -1 for none
	id     bool // the top-level object has an id
	isList bool // it says it is a list
	failed bool // it says it is a list of errors
}

func (s *splitter) split(op *Operation) *PageError {
	start := space(s.b, 0)
	end, err := s.root(op, start)
	if err != nil {
		return err
	}
	if end >= 0 {
		if rest := space(s.b, end); rest < len(s.b) {
			end = ^rest
		}
	}
	switch {
	case end < 0:
		return invalid(s.b, end)
	case s.failed:
		return s.wrong("an error list with a status of success" + errorCode(s.b[start:end]))
	case s.found:
		return nil
	}
	return s.instead(start)
}

// root scans the whole value, which begins at i.
func (s *splitter) root(op *Operation, i int) (int, *PageError) {
	single := op.Items == ""
	switch {
	case i >= len(s.b):
		return ^i, nil
	case s.b[i] == '[':
		s.found = true
		return s.records(i, 0), nil
	case s.b[i] == '{' && !single:
		return s.object(i)
	}
	record, end := scanRecord(s.b, i, 0)
	if end < 0 {
		return end, nil
	}
	s.found = true
	switch {
	case single:
		s.page.Records = []Record{record}
		// Nearly no object holds these words, so the second look costs nothing.
		s.failed = s.b[i] == '{' && bytes.Contains(record.Raw, []byte("error.list")) && errorList(record.Raw)
	case s.b[i] != 'n':
		return end, s.wrong("neither an object nor a list")
	}
	return end, nil
}

// object scans the top-level object, which begins at i.
func (s *splitter) object(i int) (int, *PageError) {
	if i = space(s.b, i+1); i < len(s.b) && s.b[i] == '}' {
		return i + 1, nil
	}
	for {
		value, key := skipKey(s.b, i)
		if value < 0 {
			return value, nil
		}
		end, err := s.member(key, value)
		if end < 0 || err != nil {
			return end, err
		}
		next, done := skipComma(s.b, end, '}')
		if done || next < 0 {
			return next, nil
		}
		i = next
	}
}

// member scans the value of a top-level key.
func (s *splitter) member(key []byte, i int) (int, *PageError) {
	if string(key) == s.key {
		return s.items(i)
	}
	end, _ := skipValue(s.b, i, 1)
	if end < 0 {
		return end, nil
	}
	value := s.b[i:end]
	if value[0] == '[' {
		s.lists++
		s.list = i
	}
	switch string(key) {
	case "data":
		s.data = -1
		if value[0] == '[' || value[0] == 'n' {
			s.data = i
		}
	case "id":
		s.id = text(value) != ""
	case "type":
		kind := text(value)
		s.isList = strings.HasSuffix(kind, "list")
		s.failed = kind == "error.list"
	case "total_count":
		if n := total(value); n >= 0 {
			s.page.Total = n
		}
	default:
		if err := s.page.next.read(key, value, &s.page.Total); err != "" {
			return end, s.wrong(err)
		}
	}
	return end, nil
}

// items scans the value under the declared key.
func (s *splitter) items(i int) (int, *PageError) {
	switch {
	case i >= len(s.b):
		return ^i, nil
	case s.b[i] == '[':
		s.found = true
		return s.records(i, 1), nil
	case s.b[i] == '{' && s.sub != "":
		return s.nested(i)
	}
	end, _ := skipValue(s.b, i, 1)
	if end < 0 {
		return end, nil
	}
	if s.b[i] != 'n' {
		return end, s.wrong(fmt.Sprintf("%q is no list", s.key))
	}
	s.found, s.page.Records = true, nil
	return end, nil
}

// nested scans the object under the declared key, which has the list under sub.
func (s *splitter) nested(i int) (int, *PageError) {
	s.found, s.page.Records = false, nil
	if i = space(s.b, i+1); i < len(s.b) && s.b[i] == '}' {
		return i + 1, s.missing()
	}
	for {
		value, key := skipKey(s.b, i)
		if value < 0 {
			return value, nil
		}
		var end int
		if string(key) == s.sub && value < len(s.b) && s.b[value] == '[' {
			s.found = true
			end = s.records(value, 2)
		} else {
			end, _ = skipValue(s.b, value, 2)
			if end >= 0 && string(key) == s.sub {
				if s.b[value] != 'n' {
					return end, s.wrong(fmt.Sprintf("%q is no list", s.key+"."+s.sub))
				}
				s.found, s.page.Records = true, nil
			}
		}
		if end < 0 {
			return end, nil
		}
		next, done := skipComma(s.b, end, '}')
		if done && !s.found {
			return next, s.missing()
		}
		if done || next < 0 {
			return next, nil
		}
		i = next
	}
}

// records scans an array of records, which begins at i inside depth values.
func (s *splitter) records(i, depth int) int {
	s.page.Records = nil
	if i = space(s.b, i+1); i < len(s.b) && s.b[i] == ']' {
		return i + 1
	}
	var records []Record
	for {
		record, end := scanRecord(s.b, i, depth+1)
		if end < 0 {
			return end
		}
		if records == nil {
			// The first record's size tells about how many there are: one allocation
			// for the page. The bound is for a first one that tells lies.
			records = make([]Record, 0, min((len(s.b)-i)/(end-i+1)+2, 256))
		}
		records = append(records, record)
		next, done := skipComma(s.b, end, ']')
		if done || next < 0 {
			s.page.Records = records
			return next
		}
		i = next
	}
}

// instead finds the records of an object that lacks the declared key.
func (s *splitter) instead(start int) *PageError {
	switch {
	case s.data >= 0:
		if s.b[s.data] == '[' {
			s.records(s.data, 1)
		}
	case s.id && !s.isList:
		record, _ := scanRecord(s.b, start, 0)
		s.page.Records = []Record{record}
	case s.lists == 1:
		s.records(s.list, 1)
	default:
		return s.missing()
	}
	return nil
}

func (s *splitter) missing() *PageError {
	name := s.key
	switch {
	case name == "":
		return s.wrong("no list")
	case s.sub != "":
		name += "." + s.sub
	}
	return s.wrong(fmt.Sprintf("no list under %q", name))
}

func (s *splitter) wrong(reason string) *PageError {
	return &PageError{Size: len(s.b), Offset: -1, Reason: reason}
}

// members yields the keys and values of an object that is valid JSON.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		i := space(object, 1)
		for done := object[i] == '}'; !done; {
			value, key := skipKey(object, i)
			end, _ := skipValue(object, value, 0)
			if !yield(string(key), object[value:end]) {
				return
			}
			i, done = skipComma(object, end, '}')
		}
	}
}

// errorList tells whether an object that is valid JSON is a list of errors.
func errorList(object []byte) bool {
	is := false
	for key, value := range members(object) {
		if key == "type" {
			is = text(value) == "error.list"
		}
	}
	return is
}

// errorCode returns the code of the first error of a list of errors, after a
// colon, or nothing where it does not look like a code.
func errorCode(list []byte) string {
	for key, value := range members(list) {
		if key != "errors" || value[0] != '[' {
			continue
		}
		i := space(value, 1)
		if value[i] != '{' {
			continue
		}
		end, _ := skipValue(value, i, 0)
		for key, value := range members(value[i:end]) {
			code := text(value)
			if key == "code" && code != "" && len(code) <= 64 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_0123456789") == "" {
				return ": " + code
			}
		}
	}
	return ""
}

// total returns a count of records, -1 for what is none.
func total(value []byte) int64 {
	if n, ok := integer(value); ok && n >= 0 {
		return n
	}
	return -1
}
