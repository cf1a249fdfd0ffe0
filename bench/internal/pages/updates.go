package pages

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// updates counts what was written, one bit for each contact.
type updates struct {
	total     atomic.Int64
	different atomic.Int64
	seen      []atomic.Uint32
}

// ID is the id of contact i.
func ID(i int) string { return fmt.Sprintf("%0*x", len(idMark), i) }

// Updates returns how many updates came, and of how many different contacts.
func (h *Handler) Updates() (total, different int) {
	return int(h.updates.total.Load()), int(h.updates.different.Load())
}

// update answers PUT /contacts/{id} with the contact as it always is.
func (h *Handler) update(w http.ResponseWriter, r *http.Request, id string) {
	i, err := strconv.ParseInt(id, 16, 64)
	if err != nil || i < 0 || i >= int64(h.cfg.Contacts) {
		refuse(w, http.StatusNotFound, "not_found", "User Not Found")
		return
	}
	if body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20)); err != nil || !json.Valid(body) {
		refuse(w, http.StatusBadRequest, "bad_request", "not JSON")
		return
	}
	h.updates.total.Add(1)
	if bit := uint32(1) << (i % 32); h.updates.seen[i/32].Or(bit)&bit == 0 {
		h.updates.different.Add(1)
	}
	buffer := h.buffers.Get().(*[]byte)
	body := append((*buffer)[:0], h.template[:h.stride-1]...)
	h.patch(body, int(i))
	send(w, body)
	*buffer = body
	h.buffers.Put(buffer)
}
