package intercomtest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Export jobs: of content data, one at a time, and of reporting data, five.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-export
var exportHandlers = map[string]handler{
	"POST /export/content/data":           writing(enqueue("content", 1, "Exceeded rate limit of 1 pending message data export jobs")),
	"POST /export/reporting_data/enqueue": writing(enqueue("reporting", 5, "Exceeded rate limit of 5 pending reporting dataset export jobs")),
	"POST /export/cancel/{}":              writing((*Workspace).cancelJob),
	"GET /export/content/data/{}":         exportStatus("completed", "/download/content/data/"),
	"GET /export/reporting_data/{}":       exportStatus("complete", "/download/reporting_data/"),
}

// A job is an export that a client began.
type job struct {
	kind     string
	begun    time.Time
	canceled bool
}

// status is how far a job is; done is what the end of it is called.
func (j job) status(takes time.Duration, done string) string {
	switch age := time.Since(j.begun); {
	case j.canceled:
		return "canceled"
	case age < takes/3:
		return "pending"
	case age < takes:
		return "in_progress"
	}
	return done
}

// enqueue begins a job, or answers that there are as many as there can be.
func enqueue(kind string, most int, refusal string) func(ws *Workspace, c *call, p object) {
	return func(ws *Workspace, c *call, p object) {
		active := 0
		for _, j := range ws.jobs {
			if s := j.status(ws.cfg.JobTime, "completed"); j.kind == kind && (s == "pending" || s == "in_progress") {
				active++
			}
		}
		if active >= most {
			c.fail(http.StatusTooManyRequests, "rate_limit_exceeded", refusal)
			return
		}
		for _, k := range []string{"created_at_after", "created_at_before", "start_time", "end_time"} {
			if _, ok := p.number(k); p.has(k) && !ok {
				c.fail(http.StatusBadRequest, "bad_request", k+" is not a unix timestamp")
				return
			}
		}
		id := "job" + strings.TrimLeft(ws.serialID(), "0")
		ws.jobs[id] = job{kind: kind, begun: time.Now()}
		c.made = id
		c.json(jobJSON(id, "pending", "", ""))
	}
}

func jobJSON(id, status, url, expires string) []byte {
	return object{
		{"job_identifier", quoted(id)},
		{"status", quoted(status)},
		{"download_url", quoted(url)},
		{"download_expires_at", quoted(expires)},
	}.json()
}

// cancelJob ends a job. One that no client began is taken for a finished one of
// long ago.
func (ws *Workspace) cancelJob(c *call, _ object) {
	id := c.params[0]
	if strings.HasPrefix(id, "missing") {
		c.notFound("Job")
		return
	}
	if j, ok := ws.jobs[id]; ok {
		c.again = j.canceled
		j.canceled = true
		ws.jobs[id] = j
	}
	c.made = id
	c.json(jobJSON(id, "canceled", "", ""))
}

// exportStatus tells how far a job is. One that no client began is done.
func exportStatus(done, path string) handler {
	return func(ws *Workspace, c *call) {
		id := c.params[0]
		if strings.HasPrefix(id, "missing") {
			c.notFound("Job")
			return
		}
		status := done
		ws.mu.Lock()
		if j, ok := ws.jobs[id]; ok {
			status = j.status(ws.cfg.JobTime, done)
		}
		ws.mu.Unlock()
		if status != done {
			c.json(jobJSON(id, status, "", ""))
			return
		}
		expires := strconv.FormatUint(uint64(unixNow()+2*24*60*60), 10)
		c.json(jobJSON(id, status, ws.cfg.apiBase()+path+id, expires))
	}
}
