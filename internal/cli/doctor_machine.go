package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"intercom-connector/internal/doctor"
	"intercom-connector/internal/local/letters"
)

// machine looks at this machine, and makes nothing on it that stays. What is
// remembered is open until closeStore is called.
func (a *app) machine(ctx context.Context) (m *doctor.Machine, closeStore func()) {
	folder := a.stateFolder()
	m = &doctor.Machine{Folder: folder, Free: -1, Explain: a.explain}
	there := existing(folder)
	m.Unwritable = tryWrite(there)
	if free, err := freeBytes(there); err == nil {
		m.Free = free
	}
	store, exists, err := a.look(ctx)
	if err != nil {
		m.Broken = err
		return m, func() {}
	}
	closeStore = func() { _ = store.Close() } // only looked at
	if !exists {
		return m, closeStore
	}
	m.Store = store
	counts, err := letters.New(store).Counts(ctx)
	if err != nil {
		m.Broken = err
		return m, closeStore
	}
	m.DeadLetters = map[string]int64{}
	for name, c := range counts {
		m.DeadLetters[name] = c.Letters
	}
	return m, closeStore
}

// existing is a folder, or the next one upwards that there is: the one in which
// it would be made.
func existing(folder string) string {
	for {
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			return folder
		}
		up := filepath.Dir(folder)
		if up == folder {
			return folder
		}
		folder = up
	}
}

// tryWrite makes a file in a folder and removes it.
func tryWrite(folder string) error {
	f, err := os.CreateTemp(folder, ".connector-doctor-*")
	if err != nil {
		return bareReason(err)
	}
	_, err = f.WriteString("Can be removed.\n")
	return bareReason(errors.Join(err, f.Close(), os.Remove(f.Name())))
}

// bareReason is why a file could not be made, without its name, which means
// nothing to anybody.
func bareReason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
