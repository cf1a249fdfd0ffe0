package filelock_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/local/filelock"
)

// hold makes the test binary a process that holds a lock until it is killed.
var hold = flag.String("hold", "", "the lock to hold")

func TestMain(m *testing.M) {
	flag.Parse()
	if *hold != "" {
		if _, err := filelock.Lock(*hold); err != nil {
			fmt.Fprintln(os.Stdout, err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, "held")
		time.Sleep(time.Minute)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "folder", "a.lock")
	first := lock(t, path)
	_, err := filelock.Lock(path)
	if !errors.Is(err, filelock.ErrHeld) {
		t.Fatalf("the second Lock: got %v, want ErrHeld", err)
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("%q does not name the file", err)
	}
	lock(t, filepath.Join(filepath.Dir(path), "b.lock")) // another lock is another matter
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	again := lock(t, path)
	if err := first.Unlock(); err != nil {
		t.Errorf("Unlock again: %v", err)
	}
	if _, err := filelock.Lock(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("after another's second Unlock: got %v, want ErrHeld", err)
	}
	if err := again.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestOneOfManyGetsTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	var mu sync.Mutex
	var won int
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := filelock.Lock(path)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, filelock.ErrHeld) {
				t.Errorf("got %v, want ErrHeld", err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d got the lock, want 1", won)
	}
}

func TestForgettingTheLockDoesNotFreeIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	if _, err := filelock.Lock(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		runtime.GC() // would close a file that nobody refers to
	}
	if _, err := filelock.Lock(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
}

func TestDeathFreesTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	for range 3 { // what a dead one leaves behind is in nobody's way
		cmd := process(t, path)
		_, err := filelock.Lock(path)
		if !errors.Is(err, filelock.ErrHeld) {
			t.Fatalf("got %v, want ErrHeld", err)
		}
		if want := "by process " + strconv.Itoa(cmd.Process.Pid); !strings.Contains(err.Error(), want) && runtime.GOOS != "windows" {
			t.Errorf("got %q, want it to say %q", err, want)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() //nolint:errcheck // It was killed.
		held := lock(t, path)
		if err := held.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNobodyIsNamedWhereNobodyIsKnown(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "no number": "me", "no process": "-1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a.lock")
			lock(t, path)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Skip(err) // Windows
			}
			_, err := filelock.Lock(path)
			if !errors.Is(err, filelock.ErrHeld) || strings.Contains(err.Error(), "by process") {
				t.Errorf("got %v, want ErrHeld without a process", err)
			}
		})
	}
}

func TestLockSaysWhyItCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"the folder is a file": filepath.Join(file, "a.lock"),
		"the file is a folder": t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := filelock.Lock(path)
			if err == nil || errors.Is(err, filelock.ErrHeld) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error about %s", err, path)
			}
		})
	}
}

func TestFileIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	path := filepath.Join(t.TempDir(), "folder", "a.lock")
	lock(t, path)
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
}

// lock takes a lock that must be free, until the test ends.
func lock(t *testing.T, path string) *filelock.Held {
	t.Helper()
	held, err := filelock.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := held.Unlock(); err != nil {
			t.Error(err)
		}
	})
	return held
}

// process starts a process that holds the lock at path.
func process(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-hold="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Fatalf("the process says %q, %v", line, err)
	}
	return cmd
}
