package intercomtest

// write appends a record as lists and searches serve it.
func (ws *Workspace) write(w *writer, e Entity, seq uint32, r row) {
	if r.doc == nil {
		ws.generate(w, e, seq, r)
		return
	}
	ws.laid(w, e, &r, func() { ws.generate(w, e, seq, r) })
}

// laid has a record appended and lays what clients wrote over it.
func (ws *Workspace) laid(w *writer, e Entity, r *row, generate func()) {
	if r.doc == nil {
		generate()
		return
	}
	w.sep()
	start := len(w.b)
	generate()
	w.overlay(e, start, r.doc)
}

// generate appends a record without what clients wrote over its fields.
func (ws *Workspace) generate(w *writer, e Entity, seq uint32, r row) {
	switch e {
	case Contacts:
		ws.writeContact(w, seq, &r)
	case Conversations:
		ws.writeConversation(w, seq, &r, false)
	case Tickets:
		ws.writeTicket(w, seq, &r)
	case Companies:
		ws.writeCompany(w, seq, &r)
	case Articles:
		ws.writeArticle(w, seq, &r, false)
	case Collections:
		ws.writeCollection(w, seq, &r)
	case Macros:
		ws.writeMacro(w, seq, &r)
	case ActivityLogs:
		ws.writeActivityLog(w, seq, &r)
	case Executions:
		ws.writeExecution(w, seq, &r)
	default:
		panic("intercomtest: no such entity: " + e.String())
	}
}

// one answers with a single record, as a GET by id does: it sees every change
// at once.
func (ws *Workspace) one(c *call, e Entity, id, what string) {
	ws.mu.Lock()
	seq, r, ok := ws.tables[e].find(id)
	ws.mu.Unlock()
	if !ok {
		c.notFound(what)
		return
	}
	var w writer
	ws.write(&w, e, seq, r)
	c.json(w.b)
}

// getter returns the handler of a GET by id.
func getter(e Entity, what string) handler {
	return func(ws *Workspace, c *call) { ws.one(c, e, c.params[len(c.params)-1], what) }
}

// rnd is a number that belongs to a record and a purpose.
func (ws *Workspace) rnd(e Entity, seq uint32, purpose uint64) uint64 {
	return hash(ws.cfg.Seed, uint64(e)<<32|uint64(seq), purpose)
}
