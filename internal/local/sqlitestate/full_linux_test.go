package sqlitestate_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"intercom-connector/internal/local/sqlitestate"
)

// fillDisk mounts a small disk of its own at args[0] and writes to a database
// there until it is full, then checks that what it has is still good.
func fillDisk(out io.Writer, args []string) error {
	if err := syscall.Mount("none", args[0], "tmpfs", 0, "size=2m"); err != nil {
		_, err = fmt.Fprintln(out, "cannot mount:", err)
		return err
	}
	ctx, path := background(), filepath.Join(args[0], "state.db")
	store, err := sqlitestate.Open(ctx, path)
	if err != nil {
		return err
	}
	written := 0
	for ; ; written++ {
		_, err = store.Create(ctx, fmt.Sprintf("k%03d", written), make([]byte, 100_000), time.Time{})
		if err != nil {
			fmt.Fprintln(out, err)
			break
		}
	}
	if _, err := store.Get(ctx, "k000"); err != nil {
		return fmt.Errorf("read on the full disk: %w", err)
	}
	if err := store.Close(); err != nil {
		fmt.Fprintln(out, "close:", err)
	}
	if err := syscall.Mount("none", args[0], "tmpfs", syscall.MS_REMOUNT, "size=8m"); err != nil {
		return err
	}
	if store, err = sqlitestate.Open(ctx, path); err != nil {
		return err
	}
	defer store.Close()
	kept := 0
	for r, err := range store.List(ctx, "") {
		if err != nil {
			return err
		}
		if len(r.Value) != 100_000 {
			return fmt.Errorf("%s has %d bytes", r.Key, len(r.Value))
		}
		kept++
	}
	if kept != written {
		return fmt.Errorf("%d records, %d were acknowledged", kept, written)
	}
	if _, err := store.Create(ctx, "more", nil, time.Time{}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "kept", kept)
	return err
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	cmd := command(t, "fill", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	p, err := launch(cmd)
	if err != nil {
		t.Skipf("no namespaces here: %v", err)
	}
	first := p.line()
	if strings.HasPrefix(first, "cannot mount") {
		p.Wait() //nolint:errcheck // It has said what it cannot.
		t.Skip(first)
	}
	if !strings.Contains(first, "the disk is full") {
		t.Errorf("got %q, want it to say that the disk is full", first)
	}
	var last string
	for line := p.line(); line != ""; line = p.line() {
		last = line
	}
	if !strings.HasPrefix(last, "kept ") || last == "kept 0" {
		t.Errorf("the process says %q", last)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}
