package doctor

import (
	"fmt"

	"intercom-connector/internal/state"
)

// A Machine is what there is to know of this one.
type Machine struct {
	Folder     string // where everything is remembered
	Unwritable error  // why nothing can be written there, nil where it can
	Free       int64  // bytes that the disk has left, -1 unknown

	Store       state.Store      // nil: nothing is remembered yet
	Broken      error            // why what is remembered cannot be read
	DeadLetters map[string]int64 // by publisher
	// Explain says what to do about an error of this machine; the text includes
	// the error.
	Explain func(error) string
}

// What a disk should have left.
const (
	littleSpace = 500 << 20
	noSpace     = 20 << 20
)

func (cfg *Config) machine(memory remembered) []Check {
	m := cfg.Machine
	about := func(name string, f finding) Check { return f.check(OfMachine, "", name) }
	checks := []Check{about("state folder", m.folder())}
	if m.Free >= 0 {
		checks = append(checks, about("disk", m.disk()))
	}
	checks = append(checks, about("state", m.state(memory)))
	for _, name := range sorted(m.DeadLetters) {
		if cfg.Client != "" && (cfg.Settings.Publishers[name] == nil || cfg.Settings.Publishers[name].Client != cfg.Client) {
			continue
		}
		checks = append(checks, about("dead letters of "+name, finding{
			result: Warn, problem: DeadLetters, detail: fmt.Sprintf("%d of its messages could not be published", m.DeadLetters[name]),
			remedy: cfg.lettersRemedy(),
		}))
	}
	for _, client := range cfg.names() {
		if reason := memory.paused[client]; reason != "" {
			checks = append(checks, about("pause of client "+client, cfg.paused(client, reason)))
		}
	}
	return checks
}

func (m *Machine) folder() finding {
	if m.Unwritable != nil {
		return finding{result: Fail, problem: Unwritable, detail: "nothing can be written to " + m.Folder + ": " + m.Unwritable.Error(), remedy: "make the folder writable, or choose another one with --state"}
	}
	return fine("%s can be written to", m.Folder)
}

func (m *Machine) disk() finding {
	f := fine("%d GB are free", m.Free>>30)
	if m.Free < 10<<30 {
		f = fine("%d MB are free", m.Free>>20)
	}
	switch {
	case m.Free < noSpace:
		f.result, f.problem, f.remedy = Fail, DiskFull, "make room on the disk of "+m.Folder
	case m.Free < littleSpace:
		f.result, f.problem, f.remedy = Warn, DiskFull, "make room on the disk of "+m.Folder
	}
	return f
}

func (m *Machine) state(memory remembered) finding {
	err := m.Broken
	if err == nil {
		err = memory.err
	}
	switch {
	case err != nil:
		return finding{result: Fail, problem: StateBroken, detail: m.Explain(err), remedy: "mend or move away what is in " + m.Folder + "; without it everything is read anew"}
	case m.Store == nil:
		return fine("nothing is remembered yet")
	default:
		return fine("can be read")
	}
}

// paused is a client that sends nothing.
func (cfg *Config) paused(client, reason string) finding {
	name := "NAME"
	for _, publisher := range sorted(cfg.Settings.Publishers) {
		if cfg.Settings.Publishers[publisher].Client == client {
			name = publisher
			break
		}
	}
	return finding{
		result: Warn, problem: Paused, detail: "its publishers send nothing: " + reason,
		remedy: "mend the reason of the pause, then: `" + cfg.Command("resume", name) + "`",
	}
}

func (cfg *Config) lettersRemedy() string {
	return "look at them, then retry or drop them: `" + cfg.Command("dead-letters", "list") + "`"
}
