package cli

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"syscall"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/fileout"
	"intercom-connector/internal/publish"
)

// responses are what Intercom answered, a line each, in a file or on standard
// output.
type responses struct {
	publisher string
	path      string // "" for standard output
	append    func(ctx context.Context, line []byte) error
	close     func() error
	stop      context.CancelCauseFunc
}

// responsesTarget is where the responses of a publisher go on this machine.
func (a *app) responsesTarget(pub *config.Publisher) target {
	switch {
	case pub.Responses == nil:
		return target{}
	case pub.Responses.Type == "file":
		return target{path: a.beside(pub.Responses.Path)}
	case pub.Responses.Type == "stdout":
		return target{}
	default:
		return target{path: filepath.Join(a.stateFolder(), "out", pub.Name+".responses.ndjson"), own: true}
	}
}

func (a *app) openResponses(pub *config.Publisher, stop context.CancelCauseFunc) (*responses, error) {
	t := a.responsesTarget(pub)
	r := &responses{publisher: pub.Name, path: t.path, stop: stop}
	if t.path == "" {
		r.append = (&pipe{w: a.Stdout}).append
		r.close = func() error { return nil }
		return r, nil
	}
	file, err := fileout.OpenResponses(t.path, fileout.Options{MakeFolders: t.own})
	if err != nil {
		return nil, err
	}
	r.append, r.close = file.Append, file.Close
	if t.own {
		a.note("%s: its responses go to AWS (%s); here they go to %s", pub.Name, pub.Responses.Type, t.path)
	}
	return r, nil
}

// Respond implements publish.Responder.
func (r *responses) Respond(ctx context.Context, result publish.Result) error {
	response := result.Respond(r.publisher)
	line, err := response.Encode()
	if err == nil {
		err = r.append(ctx, line)
	}
	if err != nil {
		r.stop(err)
	}
	return err
}

// A pipe takes lines one after the other.
type pipe struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *pipe) append(_ context.Context, line []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.w.Write(append(line, '\n'))
	if errors.Is(err, syscall.EPIPE) {
		return fileout.ErrReaderGone
	}
	return err
}
