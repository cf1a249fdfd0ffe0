package intercomtest

import "net/http"

// Writing companies. All of it runs with the workspace locked.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies
var companyWriteHandlers = map[string]handler{
	"POST /companies":      writing((*Workspace).upsertCompany),
	"PUT /companies/{}":    writing((*Workspace).updateCompany),
	"DELETE /companies/{}": writing((*Workspace).deleteCompany),
}

// companyFields are what clients can write of a company, its company_id and
// its custom attributes aside.
var companyFields = []string{"name", "plan", "size", "website", "industry", "remote_created_at", "monthly_spend"}

func (d *document) layCompany(p object) {
	for _, k := range companyFields {
		v := p.get(k)
		if v == nil {
			continue
		}
		if k == "plan" && v[0] == '"' {
			v = object{{"type", quoted("plan")}, {"id", quoted(sharedID(0))}, {"name", v}}.json()
		}
		d.set(k, v)
	}
	d.custom = d.custom.over(p.object("custom_attributes"))
}

// upsertCompany answers POST /companies: a company_id that is there is updated.
func (ws *Workspace) upsertCompany(c *call, p object) {
	id := p.text("company_id")
	if id == "" {
		c.missing("company_id")
		return
	}
	seq, ok := ws.companyByKey(id)
	var r row
	if ok {
		r = ws.edit(Companies, seq, func(d *document) { d.layCompany(p) })
	} else {
		d := &document{fields: object{{"company_id", quoted(id)}}}
		d.layCompany(p)
		seq, r = ws.insert(Companies, 0, d)
		ws.companies[id] = seq
	}
	c.made = Companies.id(seq)
	ws.answerCompany(c, seq, r)
}

// updateCompany answers PUT /companies/{id}. The company_id stays what it was.
func (ws *Workspace) updateCompany(c *call, p object) {
	seq, _, ok := ws.pathCompany(c)
	if !ok {
		return
	}
	r := ws.edit(Companies, seq, func(d *document) { d.layCompany(p) })
	c.made = Companies.id(seq)
	ws.answerCompany(c, seq, r)
}

func (ws *Workspace) deleteCompany(c *call, _ object) {
	seq, _, ok := ws.pathCompany(c)
	if !ok {
		return
	}
	ws.remove(Companies, seq)
	c.made = Companies.id(seq)
	c.json(deletedObject(c.made, "company"))
}

// pathCompany returns the company that a path names; it answers where it cannot.
func (ws *Workspace) pathCompany(c *call) (uint32, row, bool) {
	seq, r, ok := ws.tables[Companies].find(c.params[0])
	if !ok {
		c.fail(http.StatusNotFound, "company_not_found", "Company Not Found")
	}
	return seq, r, ok
}

func (ws *Workspace) answerCompany(c *call, seq uint32, r row) {
	var w writer
	ws.write(&w, Companies, seq, r)
	c.json(w.b)
}
