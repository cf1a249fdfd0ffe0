package cli

import (
	"bytes"
	"io"
	"sync"

	"golang.org/x/term"
)

// The colours there are, as SGR codes.
type color string

const (
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	bold   color = "1"
)

// paint colours a text where the console has colours.
func (c *console) paint(as color, text string) string {
	if !c.color {
		return text
	}
	return "\x1b[" + string(as) + "m" + text + "\x1b[0m"
}

// A console is standard error: lines that stay, and on a terminal one last line
// that changes. It is safe for concurrent use.
type console struct {
	terminal bool
	color    bool

	mu   sync.Mutex
	w    io.Writer
	line string // the one that changes, "" for none
}

func newConsole(w io.Writer, terminal bool) *console {
	return &console{w: w, terminal: terminal}
}

const eraseLine = "\r\x1b[K"

// Write prints whole lines above the one that changes.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line == "" {
		return c.w.Write(p)
	}
	var b bytes.Buffer
	b.WriteString(eraseLine)
	b.Write(p)
	b.WriteString(c.line)
	if _, err := c.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// show replaces the line that changes; "" takes it away. It does nothing where
// there is no terminal.
func (c *console) show(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.terminal || line == c.line {
		return
	}
	line = cut(line, c.width()-1)
	c.line = line
	_, _ = io.WriteString(c.w, eraseLine+line) // progress that nobody sees is no loss
}

// width is that of the terminal, in characters.
func (c *console) width() int {
	if f, ok := c.w.(interface{ Fd() uintptr }); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
			return width
		}
	}
	return 120
}

func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
