package transform_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/itchyny/gojq"

	"intercom-connector/internal/transform"
)

func compile(tb testing.TB, source string) *transform.Program {
	tb.Helper()
	p, err := transform.Compile(source)
	if err != nil {
		tb.Fatalf("compile %s: %v", source, err)
	}
	return p
}

func run(tb testing.TB, source, input string) ([]string, error) {
	tb.Helper()
	outputs, err := compile(tb, source).Run(tb.Context(), []byte(input))
	texts := make([]string, len(outputs))
	for i, output := range outputs {
		texts[i] = string(output)
	}
	return texts, err
}

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source, input string
		want                []string
	}{
		{"no output", "empty", "1", []string{}},
		{"several outputs", ".[]", `[1,"a",null]`, []string{"1", `"a"`, "null"}},
		{"keys are sorted", ".", `{"b":1,"a":2}`, []string{`{"a":2,"b":1}`}},
		{"last of two equal keys", ".", `{"a":1,"a":2}`, []string{`{"a":2}`}},
		{"number is passed on as written", ".", `[1.0,1e400,-0.00,12345678901234567890123]`, []string{`[1.0,1e400,-0.00,12345678901234567890123]`}},
		{"large integer computes exactly", ".id + 1", `{"id":9007199254740993}`, []string{"9007199254740994"}},
		{"larger than 64 bits", ".id * 3", `{"id":9223372036854775807}`, []string{"27670116110564327421"}},
		{"no HTML escapes", ".", `"<a href=\"x\">&</a>"`, []string{`"<a href=\"x\">&</a>"`}},
		{"line separators", ".", `"\u2028\n"`, []string{"\"\u2028\\n\""}},
		{"half a surrogate pair", ".", `"\ud800"`, []string{"\"\ufffd\""}},
		{"not a number", "nan, infinite", "1", []string{"null", "1.7976931348623157e+308"}},
		{"sha256", ".e | sha256", `{"e":"ada@example.com"}`, []string{`"b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"`}},
		{"hmac", `"what do ya want for nothing?" | hmac("Jefe")`, "1", []string{`"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"`}},
		{"epoch of a time", "epoch", `"2024-01-02T03:04:05+02:00"`, []string{"1704157445"}},
		{"epoch of a date", "epoch", `"2024-01-01"`, []string{"1704067200"}},
		{"epoch of a number", "epoch", "1704067200", []string{"1704067200"}},
		{"guarded operators in updates", ".a += .b | .c *= 2 | .b += \"!\"", `{"a":"x","b":"y","c":3}`, []string{`{"a":"xy","b":"y!","c":6}`}},
		{"guarded calls", `add(.[]), (map(tostring) | join("-", "+")), "\(.)", @json, flatten`, "[1,2]", []string{"3", `"1-2"`, `"1+2"`, `"[1,2]"`, `"[1,2]"`, "[1,2]"}},
		{"own function instead of a guarded one", `def add(f): "mine"; add(1)`, "1", []string{`"mine"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := run(t, tt.source, tt.input)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}

// What guards a program must not change what it means.
func TestGuardsChangeNothing(t *testing.T) {
	t.Parallel()
	sources := []string{
		"(1, 2) + (10, 20)", "(1, 2) * (10, 20)", "(.a, .b) += (1, 2)", "(.a, .b) *= (3, 4)", "[.[] + .[]]",
		`"\(1, 2)-\(3, 4)"`, `@uri "\(.a)?\(.c)"`, `@base64 "\(.c)\("x", "y")"`, `{"k\(1, 2)": 3}`, `."\("a", "b")"`,
		`.d | join(",", ";")`, "add, add(.[]?)", "[.d, .d] | add, transpose, flatten(0, 1)", `.d[.a + 0], .d[length - 3]`,
		`try (.a + .c) catch .`, `try ({} * 1) catch .`, `setpath(["x", "a"], ["y"]; 1, 2)`, `.["a", "b"] = 9`,
		`.d |= map(. + 1)`, `reduce .d[] as $x (0; . + $x * $x)`, `foreach .d[] as $x (0; . + $x; [., $x])`,
		`def f(g): g + g; f(.d[])`, `.d as [$x, $y] | $x + $y`, `. as {a: $x, $b} | $x * $b`, `[paths], [path(..)]`,
		`path(.d[.a - 1]), path(.d | first, last)`, `fromstream(tostream)`, `[limit(3; repeat(1 + 1))]`, `del(.d[.a, .a + 1])`,
		`if .a + 1 == 2 then "y" + .c else "n" end`, `label $out | .d[] | ., if . + 1 > 2 then break $out else empty end`,
		`.c * 0, .c * 1.9, .c * -1`, `null + 1, {} + null, [] + [1]`, `.e.f + .e.f | tojson, tostring, @text, @html`,
		`def t: if length > 3 then . else . + . | t end; .c | t`, `.. |= (numbers |= . + 1)`, `"x" as $x | "a" | . + $x | . += $x`,
		`-(.a + .b), (.a + .b) / 2, ((.a + 1) | tostring | tojson | fromjson)`, `(.d[0] + 1) as $i | .d[$i]`, `input_line_number?`,
	}
	const document = `{"a":1,"b":2,"c":"xyz","d":[1,2,3],"e":{"f":{"g":[null,true]}}}`
	for _, source := range sources {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			query, err := gojq.Parse(source)
			if err != nil {
				t.Fatal(err)
			}
			code, err := gojq.Compile(query)
			if err != nil {
				t.Skip("no program of the engine:", err)
			}
			want, wantErr := []string{}, ""
			values := code.Run(decode(t, document))
			for v, ok := values.Next(); ok; v, ok = values.Next() {
				if err, failed := v.(error); failed {
					want, wantErr = []string{}, err.Error()
					break
				}
				encoded, _ := gojq.Marshal(v)
				want = append(want, string(encoded))
			}
			got, err := run(t, source, document)
			gotErr := ""
			if err != nil {
				gotErr = err.Error()
				if failure, ok := errors.AsType[*transform.RuntimeError](err); ok {
					gotErr = failure.Detail
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			if gotErr != wantErr {
				t.Errorf("got error %q, want %q", gotErr, wantErr)
			}
		})
	}
}

func decode(tb testing.TB, document string) any {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// Every program here would run for hours or take all memory there is.
// The test is not parallel to others, so that it can see what a program takes.
func TestBombs(t *testing.T) { //nolint:paralleltest // Measures the process's memory.
	tests := []struct {
		source string
		want   error
	}{
		{"def f: f; f", transform.ErrTimeout},
		{"def f: 1 + f; f", transform.ErrTimeout},
		{"def f: [f]; f", transform.ErrTimeout},
		{"def f(x): f(x, x); f(1)", transform.ErrTimeout},
		{"range(1e18) | empty", transform.ErrTimeout},
		{"[range(1e18)]", transform.ErrTimeout},
		{"[limit(1e9; repeat(1))]", transform.ErrTimeout},
		{"reduce range(1e18) as $i (0; [.])", transform.ErrTimeout},
		{"last(range(1e18))", transform.ErrTimeout},
		{`try (def f: f; f) catch "caught"`, transform.ErrTimeout},
		{"range(1e18)", transform.ErrTooMany},
		{`range(9) | "x" * 1e6`, transform.ErrTooLarge},
		{`"x" * 1e9`, transform.ErrTooLarge},
		{`1e9 * "x"`, transform.ErrTooLarge},
		{`{a: "x"} | .a *= 1e9`, transform.ErrTooLarge},
		{"reduce range(60) as $i (\"x\"; . + .)", transform.ErrTooLarge},
		{"reduce range(60) as $i (\"x\"; \"\\(.)\\(.)\")", transform.ErrTooLarge},
		{"reduce range(60) as $i (\"x\"; [., .] | add)", transform.ErrTooLarge},
		{"reduce range(60) as $i (\"x\"; add(., .))", transform.ErrTooLarge},
		{"reduce range(60) as $i (\"x\"; [., .] | join(\"\"))", transform.ErrTooLarge},
		{`[range(1e5)] | join("x" * 1e6)`, transform.ErrTooLarge},
		{"reduce range(60) as $i ([1]; . + .)", transform.ErrTooLarge},
		{"reduce range(60) as $i ([1]; . += .)", transform.ErrTooLarge},
		{"reduce range(60) as $i (10; . * .)", transform.ErrTooLarge},
		{"reduce range(60) as $i (0; [., .])", transform.ErrTooLarge},
		{"reduce range(60) as $i (0; [., .]) | tojson", transform.ErrTooLarge},
		{"reduce range(60) as $i (0; [., .]) | @json", transform.ErrTooLarge},
		{"reduce range(60) as $i (0; [., .]) | format(\"text\")", transform.ErrTooLarge},
		{"reduce range(60) as $i (0; [., .]) | flatten", transform.ErrTooLarge},
		{"reduce range(60) as $i ({}; {a: ., b: .})", transform.ErrTooLarge},
		{"reduce range(20000) as $i (0; [.])", transform.ErrTooLarge},
		{".[500000000] = 1", transform.ErrTooLarge},
		{".[1e8 + 7] = 1", transform.ErrTooLarge},
		{"setpath([500000000]; 1)", transform.ErrTooLarge},
		{"fromstream([[500000000], 1])", transform.ErrTooLarge},
		{"[[range(100000)], (range(100) | [])] | transpose", transform.ErrTooLarge},
		{"halt", transform.ErrHalted},
		{`"a" | halt_error(3)`, transform.ErrHalted},
	}
	for _, tt := range tests { //nolint:paralleltest // See above.
		t.Run(tt.source, func(t *testing.T) {
			p := compile(t, tt.source)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			outputs, err := p.Run(t.Context(), []byte("null"))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			slow := errors.Is(err, transform.ErrTimeout) && took >= transform.MaxTime // under -race, on a busy machine
			if !errors.Is(err, tt.want) && !slow || outputs != nil {
				t.Errorf("got %d outputs, %v, want %v", len(outputs), err, tt.want)
			}
			if took > 5*time.Second { // one, and a loaded machine
				t.Errorf("took %v", took)
			}
			// What the clock has ended, and not the steps, was evaluated twice.
			evaluations := uint64(1)
			if took >= 2*transform.MaxTime {
				evaluations = 2
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > evaluations*600<<20 {
				t.Errorf("allocated %d MB in %d evaluations", allocated>>20, evaluations)
			}
			t.Logf("%v, %d MB", took, (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

// A function that cannot be interrupted is left behind, but only so often.
func TestStuckFunction(t *testing.T) { //nolint:paralleltest // It would starve the others.
	p := compile(t, `[match("a"; "g")] | length`)
	input := []byte(`"` + strings.Repeat("a", 50_000) + `"`)
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			start := time.Now()
			_, err := p.Run(t.Context(), input)
			if !errors.Is(err, transform.ErrTimeout) {
				t.Errorf("got %v, want a timeout", err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	wait.Wait()
}

// In a bubble the clock stands still while a program computes.
func TestLoopEndsWithoutClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if _, err := run(t, "def f: f; f", "1"); !errors.Is(err, transform.ErrTimeout) {
			t.Errorf("got %v, want a timeout", err)
		}
	})
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	t.Run("input too large", func(t *testing.T) {
		t.Parallel()
		if _, err := run(t, ".", strings.Repeat(" ", transform.MaxInput)+"1"); !errors.Is(err, transform.ErrTooLarge) {
			t.Errorf("got %v, want %v", err, transform.ErrTooLarge)
		}
	})
	for name, input := range map[string]string{
		"nothing": "", "half a value": `{"mail":"ada@exa`, "two values": "1 2", "garbage behind": `{} ada@example.com`,
		"too deep": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, ".", input)
			if !errors.Is(err, transform.ErrInput) || strings.Contains(err.Error(), "ada") {
				t.Errorf("got %v, want %v without the input", err, transform.ErrInput)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err := compile(t, "def f: f; f").Run(ctx, []byte("1"))
		if !errors.Is(err, context.Canceled) || errors.Is(err, transform.ErrTimeout) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

// Logs have errors, and must not have what is in a record.
func TestRuntimeErrorHidesValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ source, want string }{
		{".mail + 1", "jq: cannot add: string"},
		{".mail[]", "jq: cannot iterate over: string"},
		{".mail.x", "jq: expected an object but got: string"},
		{".mail | tonumber", "jq: tonumber cannot be applied to"},
		{".mail | test({})", "jq: test cannot be applied"},
		{".mail | split(1)", "jq: split cannot be applied"},
		{".phone | .[0]", "jq: expected an array but got: number"},
		{".phone | has(0)", "jq: has cannot be applied"},
		{"error(.mail)", "jq: the program called error"},
		{"error({mail})", "jq: the program called error"},
		{".mail | error", "jq: the program called error"},
		{".mail | fromjson", "jq: fromjson cannot be applied to"},
		{".mail | epoch", "jq: epoch cannot be applied to a string that is neither a time nor a date"},
		{".mail | strptime(\"%Y\")", "jq: strptime cannot be applied"},
		{". * .mail", "jq: cannot multiply: object"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, tt.source, `{"mail":"ada@example.com","phone":31612345678}`)
			failure, ok := errors.AsType[*transform.RuntimeError](err)
			if !ok {
				t.Fatalf("got %v, want a RuntimeError", err)
			}
			if failure.Error() != tt.want {
				t.Errorf("got %q (of %q), want %q", failure, failure.Detail, tt.want)
			}
			for _, value := range []string{"ada", "31612"} {
				if strings.Contains(failure.Error(), value) {
					t.Errorf("%q shows %q", failure, value)
				}
			}
			if failure.Detail == "" {
				t.Error("no detail")
			}
		})
	}
}

func TestConcurrentRuns(t *testing.T) {
	t.Parallel()
	p := transform.New(`.n as $n | [range(100)] | map(. * $n) | add, ("\($n)" | test("^[0-9]+$"))`)
	var wait sync.WaitGroup
	for n := range 64 {
		wait.Go(func() {
			got, err := p.Run(t.Context(), fmt.Appendf(nil, `{"n":%d}`, n))
			want := []json.RawMessage{fmt.Append(nil, 4950*n), []byte("true")}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v, outputs (-want +got):\n%s", err, diff)
			}
		})
	}
	wait.Wait()
}

func FuzzRun(f *testing.F) {
	f.Add(".", `{"a":[1,2.50,"x",null,true,{}]}`)
	f.Add(".[] + 1", "[1,2]")
	f.Add(`"\(.)" * 3`, `"x"`)
	f.Add("[paths] | tojson", `{"a":{"b":[]}}`)
	f.Add("def f: f; f", "1")
	f.Add("sha256, epoch", `"2024-01-01"`)
	f.Add(". as [$a, {b: $c}] | $a * $c", `[2,{"b":3}]`)
	f.Fuzz(func(t *testing.T, source, input string) {
		p, err := transform.Compile(source)
		if err != nil {
			return
		}
		outputs, err := p.Run(t.Context(), []byte(input))
		if err != nil {
			if outputs != nil {
				t.Errorf("outputs beside %v", err)
			}
			return
		}
		for _, output := range outputs {
			if !json.Valid(output) || bytes.ContainsRune(output, '\n') {
				t.Errorf("%s on %s: %q is not JSON on one line", source, input, output)
			}
		}
	})
}

// The identity returns an equal value, its numbers to the digit.
func FuzzIdentity(f *testing.F) {
	f.Add(`{"a":[1,2.50,"x",null,true,{}],"é":"\u00e9\/"}`)
	f.Add(`[1e400,-0,123456789012345678901234567890]`)
	f.Add(`"\ud83d\ude00\u0000"`)
	identity, err := transform.Compile(".")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, input string) {
		if !json.Valid([]byte(input)) {
			if _, err := identity.Run(t.Context(), []byte(input)); !errors.Is(err, transform.ErrInput) {
				t.Errorf("%q: got %v, want %v", input, err, transform.ErrInput)
			}
			return
		}
		outputs, err := identity.Run(t.Context(), []byte(input))
		if err != nil {
			t.Fatalf("%q: %v", input, err)
		}
		if len(outputs) != 1 {
			t.Fatalf("%q: got %d outputs, want 1", input, len(outputs))
		}
		if diff := cmp.Diff(decode(t, input), decode(t, string(outputs[0]))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", input, diff)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	record := []byte(`{"id":"63a07ddf05a32042dffac965","type":"contact","email":"ada@example.com","name":"Ada","created_at":1571672154,"updated_at":1571672158,"custom_attributes":{"plan":"pro","seats":12,"note":"` +
		strings.Repeat("lorem ipsum ", 120) + `"},"tags":{"type":"list","data":[{"id":"1"},{"id":"2"}]}}`)
	for _, source := range []string{".", "{id, email, plan: .custom_attributes.plan, tags: [.tags.data[].id]}"} {
		b.Run(source, func(b *testing.B) {
			p := compile(b, source)
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Run(b.Context(), record); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		compile(b, `.payload.query.value = (.input.state // "open")`)
	}
}
