package intercomtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A shelf is what clients wrote to a list that has no rules of its own, over the
// records that are made up.
type shelf struct {
	made    []string                   // ids, in the order they were made
	written map[string]json.RawMessage // by id: whole records
	gone    map[string]bool            // ids
}

// A shelved record is one of a list: json is nil where nobody wrote to it.
type shelved struct {
	id   string
	json json.RawMessage
}

// shelfKey names the list that an operation is about: its path with its
// parents' ids, without the record's own.
func (c *call) shelfKey() string {
	path := strings.TrimSuffix(anonymous(c.op.Path), "/{}")
	for _, v := range c.params {
		path = strings.Replace(path, "{}", v, 1)
	}
	return path
}

// shelf returns a list to write to. The caller holds the lock.
func (ws *Workspace) shelf(key string) *shelf {
	s := ws.shelves[key]
	if s == nil {
		s = &shelf{written: map[string]json.RawMessage{}, gone: map[string]bool{}}
		ws.shelves[key] = s
	}
	return s
}

// shelved returns the records of a list: those that are made up, then those that
// clients made.
func (ws *Workspace) shelved(key string) []shelved {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	all := make([]shelved, 0, ws.cfg.Others)
	s := ws.shelves[key]
	for i := range ws.cfg.Others {
		id := sharedID(i)
		if s == nil || !s.gone[id] {
			all = append(all, shelved{id: id})
		}
	}
	if s == nil {
		return all
	}
	for i := range all {
		all[i].json = s.written[all[i].id]
	}
	for _, id := range s.made {
		if !s.gone[id] {
			all = append(all, shelved{id, s.written[id]})
		}
	}
	return all
}

// onShelf returns what a client wrote about a record, and whether one deleted
// it. The caller holds the lock.
func (ws *Workspace) onShelf(key, id string) (written json.RawMessage, gone bool) {
	s := ws.shelves[key]
	if s == nil {
		return nil, false
	}
	return s.written[id], s.gone[id]
}

// put writes a record.
func (s *shelf) put(id string, record json.RawMessage) {
	if _, ok := s.written[id]; !ok && !madeUp(id) {
		s.made = append(s.made, id)
	}
	s.written[id] = record
	delete(s.gone, id)
}

// drop deletes a record.
func (s *shelf) drop(id string) {
	s.gone[id] = true
	delete(s.written, id)
	s.made = slices.DeleteFunc(s.made, func(m string) bool { return m == id })
}

// madeUp reports whether an id is one of those that every list has.
func madeUp(id string) bool {
	n, err := strconv.ParseInt(id, 10, 64)
	return err == nil && n < firstSerial
}

// find returns the id of a record that a client wrote with these values.
func (s *shelf) find(want object) (string, bool) {
	for _, id := range s.made {
		o, _ := parseObject(s.written[id])
		if !slices.ContainsFunc(want, func(m member) bool { return o.text(m.key) != textOf(m.value) }) {
			return id, true
		}
	}
	return "", false
}
