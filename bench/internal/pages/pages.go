// Package pages serves lists of contacts as Intercom does, at as little cost
// as possible: a measurement on one machine should measure who reads, not who
// serves. There is no workspace behind it. It knows no filters, no limits and
// no faults, and a search yields what the list yields. An update of a contact
// changes nothing; it is counted, see [Handler.Updates].
//
// A page is rendered once; for a request it is copied, and the ids and times
// of its records, whose width is fixed, are written over. So the millionth
// record costs what the first one costs, in time and in memory.
package pages

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	listSize   = 10  // records of a page of GET /contacts that names no size
	searchSize = 50  // of POST /contacts/search
	maxSize    = 150 // of both
)

// A Config says what is served.
type Config struct {
	Contacts int
	// Newest is when the first contact of the list was changed; the others
	// follow at even distances over Span.
	Newest time.Time
	Span   time.Duration
}

// A Handler serves GET /contacts, POST /contacts/search, PUT /contacts/{id} and
// GET /me.
type Handler struct {
	cfg      Config
	template string // maxSize records with commas between them
	id       []int  // where the marks are within one record
	external []int
	created  []int
	updated  []int
	stride   int // from one record to the next
	buffers  sync.Pool
	updates  updates
}

// New returns a handler for cfg.
func New(cfg Config) *Handler {
	h := &Handler{
		cfg:      cfg,
		template: strings.TrimSuffix(strings.Repeat(contact+",", maxSize), ","),
		id:       offsets(idMark),
		external: offsets(externalMark),
		created:  offsets(createdMark),
		updated:  offsets(updatedMark),
		stride:   len(contact) + 1,
		updates:  updates{seen: make([]atomic.Uint32, (cfg.Contacts+31)/32)},
	}
	h.buffers.New = func() any {
		b := make([]byte, 0, maxSize*h.stride+1024)
		return &b
	}
	return h
}

// RecordSize is the size of each record in bytes.
func RecordSize() int { return len(contact) }

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, found := strings.CutPrefix(r.URL.Path, "/contacts/"); found && r.Method == http.MethodPut {
		h.update(w, r, id)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /me":
		h.me(w)
	case "GET /contacts":
		query := r.URL.Query()
		size := listSize
		if s := query.Get("per_page"); s != "" {
			size, _ = strconv.Atoi(s) // refused below
		}
		h.page(w, size, query.Get("starting_after"))
	case "POST /contacts/search":
		var body struct {
			Pagination struct {
				PerPage       *int   `json:"per_page"`
				StartingAfter string `json:"starting_after"`
			} `json:"pagination"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&body); err != nil {
			refuse(w, http.StatusBadRequest, "bad_request", "not a search")
			return
		}
		size := searchSize
		if body.Pagination.PerPage != nil {
			size = *body.Pagination.PerPage
		}
		h.page(w, size, body.Pagination.StartingAfter)
	default:
		refuse(w, http.StatusNotFound, "not_found", "this server has contacts only")
	}
}

func (h *Handler) me(w http.ResponseWriter) {
	const answer = `{"type":"admin","id":"1","name":"Bench","email":"bench@example.com","email_verified":true,` +
		`"app":{"type":"app","id_code":"bench001","name":"Bench","created_at":1600000000,"secure":false,` +
		`"identity_verification":false,"timezone":"UTC","region":"US"},"has_inbox_seat":true}`
	send(w, []byte(answer))
}

// page answers with size records, or what is left, after the cursor.
func (h *Handler) page(w http.ResponseWriter, size int, cursor string) {
	first, ok := position(cursor)
	if !ok || first > h.cfg.Contacts {
		refuse(w, http.StatusBadRequest, "bad_request", "Invalid starting_after param")
		return
	}
	if size < 1 || size > maxSize {
		refuse(w, http.StatusBadRequest, "parameter_invalid", "per_page must be between 1 and 150")
		return
	}
	end := min(first+size, h.cfg.Contacts)

	buffer := h.buffers.Get().(*[]byte)
	body := append((*buffer)[:0], `{"type":"list","data":[`...)
	start := len(body)
	if end > first {
		body = append(body, h.template[:(end-first)*h.stride-1]...)
	}
	for i := first; i < end; i++ {
		h.patch(body[start+(i-first)*h.stride:], i)
	}
	body = append(body, `],"total_count":`...)
	body = strconv.AppendInt(body, int64(h.cfg.Contacts), 10)
	body = append(body, `,"pages":{"type":"pages"`...)
	number := first/size + 1
	if end < h.cfg.Contacts {
		body = append(body, `,"next":{"page":`...)
		body = strconv.AppendInt(body, int64(number+1), 10)
		body = append(body, `,"starting_after":"`...)
		body = append(body, cursorAt(end)...)
		body = append(body, `"}`...)
	}
	body = append(body, `,"page":`...)
	body = strconv.AppendInt(body, int64(number), 10)
	body = append(body, `,"per_page":`...)
	body = strconv.AppendInt(body, int64(size), 10)
	body = append(body, `,"total_pages":`...)
	body = strconv.AppendInt(body, int64((h.cfg.Contacts+size-1)/size), 10)
	body = append(body, `}}`...)
	send(w, body)
	*buffer = body
	h.buffers.Put(buffer)
}

// patch writes the ids and times of contact i over the marks of record.
func (h *Handler) patch(record []byte, i int) {
	back := time.Duration(0)
	if h.cfg.Contacts > 1 {
		back = time.Duration(float64(h.cfg.Span) * float64(i) / float64(h.cfg.Contacts))
	}
	changed := h.cfg.Newest.Add(-back).Unix()
	for _, at := range h.id {
		digits(record[at:at+len(idMark)], uint64(i), 16)
	}
	for _, at := range h.external {
		digits(record[at:at+len(externalMark)], uint64(i), 10)
	}
	for _, at := range h.updated {
		digits(record[at:at+len(updatedMark)], uint64(changed), 10)
	}
	for _, at := range h.created {
		digits(record[at:at+len(createdMark)], uint64(changed-86_400), 10)
	}
}

// digits fills all of field with n, zeros in front.
func digits(field []byte, n, base uint64) {
	const symbols = "0123456789abcdef"
	for i := len(field) - 1; i >= 0; i-- {
		field[i] = symbols[n%base]
		n /= base
	}
}

// cursorAt is the opaque form of a position.
func cursorAt(position int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("at:" + strconv.Itoa(position)))
}

// position reads what cursorAt wrote; the empty cursor is the beginning.
func position(cursor string) (int, bool) {
	if cursor == "" {
		return 0, true
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	number, found := strings.CutPrefix(string(text), "at:")
	n, err := strconv.Atoi(number)
	return n, found && err == nil && n >= 0
}

func send(w http.ResponseWriter, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who asked may have gone
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // who asked may have gone
		"type":   "error.list",
		"errors": []map[string]string{{"code": code, "message": message}},
	})
}
