// Package filesecrets keeps the secrets of clients on a laptop, in one file
// that its owner alone can read: the ids and secrets of OAuth apps, and the
// tokens of grants. It is a [grant.Vault].
//
// The file is replaced as a whole, so nobody sees half of one, and is read anew
// every time, so a grant is seen by whoever runs at that moment. A file that
// others can read is refused rather than used.
package filesecrets

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"intercom-connector/internal/grant"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/shared/intercom"
)

// A Store is a file of secrets. It may be used by several goroutines, and the
// file by several processes.
type Store struct{ path string }

var _ grant.Vault = (*Store)(nil)

// At returns the Store whose file is at path. The file is made when something
// is stored.
func At(path string) *Store { return &Store{path: path} }

// Path is where the file is.
func (s *Store) Path() string { return s.path }

// A file is what stands in the file.
type file struct {
	Clients map[string]*client `json:"clients"`
}

type client struct {
	App   *app   `json:"app,omitempty"`
	Token *token `json:"token,omitempty"`
}

type app struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

type token struct {
	Value         string    `json:"token"`
	Workspace     string    `json:"workspace"`
	WorkspaceName string    `json:"workspace_name,omitempty"`
	Region        string    `json:"region,omitempty"`
	Timezone      string    `json:"timezone,omitempty"`
	GrantedAt     time.Time `json:"granted_at"`
	Version       string    `json:"version"`
}

// App implements grant.Vault.
func (s *Store) App(_ context.Context, name string) (grant.App, error) {
	f, err := s.read()
	if err != nil {
		return grant.App{}, err
	}
	if c := f.Clients[name]; c != nil && c.App != nil {
		return grant.App{ID: c.App.ID, Secret: c.App.Secret}, nil
	}
	return grant.App{}, grant.ErrNoApp
}

// PutApp stores a client's app in place of the one before.
func (s *Store) PutApp(ctx context.Context, name string, a grant.App) error {
	return s.change(ctx, name, func(c *client) { c.App = &app{ID: a.ID, Secret: a.Secret} })
}

// Token implements grant.Vault.
func (s *Store) Token(_ context.Context, name string) (grant.Token, error) {
	f, err := s.read()
	if err != nil {
		return grant.Token{}, err
	}
	if c := f.Clients[name]; c != nil && c.Token != nil {
		return grant.Token(*c.Token), nil
	}
	return grant.Token{}, grant.ErrNoToken
}

// HasToken reports whether a client has a token.
func (s *Store) HasToken(name string) (bool, error) {
	f, err := s.read()
	return err == nil && f.Clients[name] != nil && f.Clients[name].Token != nil, err
}

// PutToken implements grant.Vault.
func (s *Store) PutToken(ctx context.Context, name string, t grant.Token) (string, error) {
	t.Version = rand.Text()[:16]
	err := s.change(ctx, name, func(c *client) { c.Token = (*token)(&t) })
	if err != nil {
		return "", err
	}
	return t.Version, nil
}

// Source returns the tokens of a client for those who send requests.
func (s *Store) Source(name string) intercom.RenewingSource { return source{s, name} }

// A source reads the file for every request: it is small, and near.
type source struct {
	store *Store
	name  string
}

// Token implements intercom.TokenSource.
func (s source) Token(ctx context.Context) (string, error) {
	token, _, err := s.Renew(ctx, "")
	return token, err
}

// Renew implements intercom.RenewingSource.
func (s source) Renew(ctx context.Context, _ string) (value, version string, err error) {
	token, err := s.store.Token(ctx, s.name)
	if errors.Is(err, grant.ErrNoToken) {
		return "", "", intercom.ErrNoToken
	}
	return token.Value, token.Version, err
}

// read returns what is stored, nothing where there is no file.
func (s *Store) read() (*file, error) {
	f, err := s.load()
	if err != nil {
		return nil, fmt.Errorf("read secrets %s: %w", s.path, err)
	}
	return f, nil
}

func (s *Store) load() (*file, error) {
	f := &file{Clients: map[string]*client{}}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, bare(err)
	}
	// Windows has no such bits; a file in a person's own folder is theirs there.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others can read it (mode %04o): chmod 600 makes it yours alone, and what was in it should be replaced", mode)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		return nil, bare(err)
	}
	// The decoder's errors quote what they do not like.
	if json.Unmarshal(data, f) != nil {
		return nil, errors.New("it is not a file of secrets: move it away and store them anew")
	}
	if f.Clients == nil {
		f.Clients = map[string]*client{}
	}
	return f, nil
}

// lockTime is how long another process is waited for.
const lockTime = 5 * time.Second

// change changes what is stored for a client, while nobody else does.
func (s *Store) change(ctx context.Context, name string, change func(*client)) error {
	if err := s.changeFile(ctx, name, change); err != nil {
		return fmt.Errorf("store secrets in %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) changeFile(ctx context.Context, name string, change func(*client)) error {
	if err := s.makeFolder(); err != nil {
		return err
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // The end of the process frees it, too.
	f, err := s.load()
	if err != nil {
		return err
	}
	if f.Clients[name] == nil {
		f.Clients[name] = &client{}
	}
	change(f.Clients[name])
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return s.replace(append(data, '\n'))
}

// lock waits for its turn.
func (s *Store) lock(ctx context.Context) (*filelock.Held, error) {
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		lock, err := filelock.Lock(s.path + ".lock")
		if !errors.Is(err, filelock.ErrHeld) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-ticker.C:
		}
	}
}

// makeFolder makes the folder, and keeps git out of one that is ours.
func (s *Store) makeFolder() error {
	folder := filepath.Dir(s.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return bare(err)
	}
	if filepath.Base(folder) != ".connector" {
		return nil
	}
	ignore, err := os.OpenFile(filepath.Join(folder, ".gitignore"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return bare(err)
	}
	_, err = ignore.WriteString("*\n")
	return errors.Join(err, ignore.Close())
}

// replace puts another file in the place of the one before, in one step.
func (s *Store) replace(data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".secrets-*") // for its owner alone
	if err != nil {
		return bare(err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // half of it must not stay
		return bare(err)
	}
	return nil
}

// bare is an error without the path, which is told already.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
