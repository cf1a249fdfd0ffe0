package transform_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/transform"
)

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		source string
		want   transform.CompileError
		text   string
	}{
		{
			name: "surplus brace", source: ".payload}",
			want: transform.CompileError{Message: `unexpected token "}"`, Offset: 8, Line: 1, Column: 9, Token: "}"},
			text: `jq:1:9: unexpected token "}"`,
		},
		{
			name: "second line, behind an umlaut", source: ".a |\n\"ä\" ]",
			want: transform.CompileError{Message: `unexpected token "]"`, Offset: 10, Line: 2, Column: 5, Token: "]"},
			text: `jq:2:5: unexpected token "]"`,
		},
		{
			name: "ends too early", source: "{a: 1",
			want: transform.CompileError{Message: "unexpected end of the program", Offset: 5, Line: 1, Column: 6},
			text: "jq:1:6: unexpected end of the program",
		},
		{
			name: "unknown function", source: ".lowercase | lowercase",
			want: transform.CompileError{Message: "function not defined: lowercase/0", Offset: 13, Line: 1, Column: 14, Token: "lowercase"},
			text: "jq:1:14: function not defined: lowercase/0",
		},
		{
			name: "unknown variable", source: "$x",
			want: transform.CompileError{Message: "variable not defined: $x", Offset: 0, Line: 1, Column: 1, Token: "$x"},
			text: "jq:1:1: variable not defined: $x",
		},
		{
			name: "environment", source: ".env | $ENV.HOME",
			want: transform.CompileError{Message: "$ENV is not available here", Offset: 7, Line: 1, Column: 8, Token: "$ENV"},
			text: "jq:1:8: $ENV is not available here",
		},
		{
			name: "environment by shorthand", source: "{$ENV}",
			want: transform.CompileError{Message: "$ENV is not available here", Offset: 1, Line: 1, Column: 2, Token: "$ENV"},
			text: "jq:1:2: $ENV is not available here",
		},
		{
			name: "environment by function", source: ".env | env",
			want: transform.CompileError{Message: "env is not available here", Offset: 7, Line: 1, Column: 8, Token: "env"},
			text: "jq:1:8: env is not available here",
		},
		{
			name: "further inputs", source: "[inputs]",
			want: transform.CompileError{Message: "inputs is not available here", Offset: 1, Line: 1, Column: 2, Token: "inputs"},
			text: "jq:1:2: inputs is not available here",
		},
		{
			name: "the engine's own function", source: `_multiply("x"; 1e9)`,
			want: transform.CompileError{Message: "_multiply is not available here", Offset: 0, Line: 1, Column: 1, Token: "_multiply"},
			text: "jq:1:1: _multiply is not available here",
		},
		{
			name: "module", source: `import "a" as a; .`,
			want: transform.CompileError{Message: `cannot load module: "a"`, Offset: -1},
			text: `jq: cannot load module: "a"`,
		},
		{
			name: "nothing", source: "",
			want: transform.CompileError{Message: `missing query (try ".")`, Offset: -1},
			text: `jq: missing query (try ".")`,
		},
		{
			name: "too long", source: strings.Repeat(" ", 1<<17),
			want: transform.CompileError{Message: "program is longer than 65536 bytes", Offset: -1},
			text: "jq: program is longer than 65536 bytes",
		},
		{
			name: "not UTF-8", source: "\"\xff\"",
			want: transform.CompileError{Message: "program is not UTF-8", Offset: -1},
			text: "jq: program is not UTF-8",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := transform.Compile(tt.source)
			got, ok := errors.AsType[*transform.CompileError](err)
			if !ok {
				t.Fatalf("got %v, want a CompileError", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if got.Error() != tt.text {
				t.Errorf("got %q, want %q", got.Error(), tt.text)
			}
		})
	}
}

func TestCompileTakesOwnNames(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"def f(input): input; f(.a)",
		"def env: 1; env",
		"def _double: . * 2; _double",
		". as $input | $input",
		".env, .input, ._left",
	} {
		if _, err := transform.Compile(source); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestNewReportsAtRun(t *testing.T) {
	t.Parallel()
	p := transform.New("{")
	for range 2 {
		_, err := p.Run(t.Context(), []byte("1"))
		if _, ok := errors.AsType[*transform.CompileError](err); !ok {
			t.Errorf("got %v, want a CompileError", err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, source := range []string{
		".", "{a: .b}", `"\(.a)"`, "def f(x): x; f(.)", ".[] |= . + 1", "label $f | break $f",
		"reduce .[] as [$a, {b: $c}] (0; . + $a)", "try error catch .", `@json "x\(1)"`, "..", ".a.b[1:2]?", "import",
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		_, err := transform.Compile(source)
		if err == nil {
			return
		}
		got, ok := errors.AsType[*transform.CompileError](err)
		if !ok {
			t.Fatalf("%q: got %v, want a CompileError", source, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error of more than one line: %q", source, err)
		}
		if got.Offset > len(source) || got.Offset >= 0 && (got.Line < 1 || got.Column < 1) {
			t.Errorf("%q: error is at byte %d, %d:%d", source, got.Offset, got.Line, got.Column)
		}
	})
}
