package doctor_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"intercom-connector/internal/doctor"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/pin"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/shared/intercom/intercomtest"
)

// machine is one on which all is well.
func machine() *doctor.Machine {
	return &doctor.Machine{Folder: ".connector", Free: 10 << 30, Explain: error.Error}
}

func TestMachine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		change  func(*testing.T, *doctor.Machine)
		check   string
		result  doctor.Result
		problem doctor.Problem
		words   []string
	}{
		{"nothing yet", nil, "machine: state", doctor.OK, "", []string{"nothing is remembered yet"}},
		{"room", nil, "machine: disk", doctor.OK, "", []string{"10 GB"}},
		{"a folder", nil, "machine: state folder", doctor.OK, "", []string{".connector"}},
		{
			"read only", func(_ *testing.T, m *doctor.Machine) { m.Unwritable = errors.New("read-only file system") },
			"machine: state folder", doctor.Fail, doctor.Unwritable,
			[]string{"read-only", "--state"},
		},
		{
			"little room", func(_ *testing.T, m *doctor.Machine) { m.Free = 100 << 20 },
			"machine: disk", doctor.Warn, doctor.DiskFull,
			[]string{"100 MB", "make room"},
		},
		{
			"no room", func(_ *testing.T, m *doctor.Machine) { m.Free = 1 << 20 },
			"machine: disk", doctor.Fail, doctor.DiskFull,
			[]string{"make room"},
		},
		{
			"broken", func(_ *testing.T, m *doctor.Machine) { m.Broken = errors.New("the file is damaged") },
			"machine: state", doctor.Fail, doctor.StateBroken,
			[]string{"damaged", ".connector"},
		},
		{
			"what is remembered is not ours", func(t *testing.T, m *doctor.Machine) {
				t.Helper()
				store := &memstate.Store{}
				create(t, store, "checkpoint/fake1234/tags", "no checkpoint")
				m.Store = store
			},
			"machine: state", doctor.Fail, doctor.StateBroken, nil,
		},
		{
			"dead letters", func(_ *testing.T, m *doctor.Machine) { m.DeadLetters = map[string]int64{"note": 3} },
			"machine: dead letters of note", doctor.Warn, doctor.DeadLetters,
			[]string{"3 of its messages", "connector dead-letters list"},
		},
		{
			"paused", func(t *testing.T, m *doctor.Machine) {
				t.Helper()
				store := &memstate.Store{}
				if err := pause.Begin(t.Context(), store, "main", "spring cleaning", ""); err != nil {
					t.Fatal(err)
				}
				m.Store = store
			},
			"machine: pause of client main", doctor.Warn, doctor.Paused,
			[]string{"spring cleaning", "connector resume note"},
		},
		{
			"another workspace than before", func(t *testing.T, m *doctor.Machine) {
				t.Helper()
				store := &memstate.Store{}
				if err := pin.Set(t.Context(), store, "main", pin.Workspace{ID: "zz99"}, false); err != nil {
					t.Fatal(err)
				}
				m.Store = store
			},
			"client main: workspace", doctor.Fail, doctor.WrongWorkspace,
			[]string{"so far it was zz99", "--replace-workspace"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := machine()
			if tt.change != nil {
				tt.change(t, m)
			}
			ws := intercomtest.New(intercomtest.Config{Token: planted})
			report := examine(t, doctor.Config{Machine: m, Settings: settings(t, `
clients:
  main: {region: us, auth: access_token}
publishers:
  note: {client: main, method: POST, entity: "contacts/{contact_id}/notes"}
`)}, hosts{us: ws})
			want(t, find(t, report, tt.check), tt.result, tt.problem, tt.words...)
		})
	}
}

// create puts anything into a store.
func create(t *testing.T, store *memstate.Store, key string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(t.Context(), key, text, time.Time{}); err != nil {
		t.Fatal(err)
	}
}
