package transform

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// maxSource is the longest program in bytes. The compiler's recursion is as
// deep as a program is nested, so there has to be one.
const maxSource = 64 << 10

// A Program is a jq program. It is safe for concurrent use.
type Program struct {
	source string
	once   sync.Once
	code   *gojq.Code
	err    error
	stuck  atomic.Int32 // evaluations that were given up but still run
}

// New returns a program that is compiled when it first runs, so that one which
// is never used costs a start nothing. It is for a source that [Compile] has
// taken before; the error of any other comes from its runs.
func New(source string) *Program { return &Program{source: source} }

// Compile returns the program of source, or a [*CompileError].
func Compile(source string) (*Program, error) {
	p := New(source)
	if err := p.compile(); err != nil {
		return nil, err
	}
	return p, nil
}

// Source returns what the program was made from.
func (p *Program) Source() string { return p.source }

func (p *Program) compile() error {
	p.once.Do(func() { p.code, p.err = compile(p.source) })
	return p.err
}

func compile(source string) (code *gojq.Code, err error) {
	if len(source) > maxSource {
		return nil, unplaced(fmt.Sprintf("program is longer than %d bytes", maxSource))
	}
	if !utf8.ValidString(source) {
		return nil, unplaced("program is not UTF-8")
	}
	// The engine panics on programs that its parser should have refused.
	defer func() {
		if r := recover(); r != nil {
			code, err = nil, unplaced(fmt.Sprint("program cannot be compiled: ", r))
		}
	}()
	query, err := gojq.Parse(source)
	if err != nil {
		return nil, parseError(source, err)
	}
	if name := guard(query); name != "" {
		return nil, located(source, name+" is not available here", name)
	}
	code, err = gojq.Compile(query, functions()...)
	if err != nil {
		return nil, located(source, err.Error(), culprit(err.Error()))
	}
	return code, nil
}

func unplaced(message string) *CompileError { return &CompileError{Message: message, Offset: -1} }

// parseError places a syntax error: the engine tells where the token ends.
func parseError(source string, err error) error {
	parse, ok := errors.AsType[*gojq.ParseError](err)
	if !ok {
		return unplaced(err.Error())
	}
	offset := min(max(parse.Offset, 0), len(source))
	if parse.Token != "" && strings.HasSuffix(source[:offset], parse.Token) {
		offset -= len(parse.Token)
	}
	message := strings.Replace(parse.Error(), "unexpected EOF", "unexpected end of the program", 1)
	return place(source, message, offset, parse.Token)
}

var undefined = lazily(`^[a-z ]+ not (?:defined|allowed): ([$@]?[\pL\pN_:]+)(?:/\d+)?$`)

// culprit is the name that an error of the compiler is about, "" where it
// names none.
func culprit(message string) string {
	if m := undefined().FindStringSubmatch(message); m != nil {
		return m[1]
	}
	if strings.HasPrefix(message, "input(s)/0") {
		return "input"
	}
	return ""
}

// located places an error at the first use of name, which the compiler knows
// without its position.
func located(source, message, name string) error {
	if name == "" {
		return unplaced(message)
	}
	for from := 0; ; {
		i := strings.Index(source[from:], name)
		if i < 0 {
			return unplaced(message)
		}
		start, end := from+i, from+i+len(name)
		if (start == 0 || !isWord(source[start-1]) && source[start-1] != '.') &&
			(end == len(source) || !isWord(source[end])) {
			return place(source, message, start, name)
		}
		from = end
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func place(source, message string, offset int, token string) error {
	before := source[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return &CompileError{
		Message: strings.ReplaceAll(message, "\n", " "),
		Offset:  offset,
		Line:    strings.Count(before, "\n") + 1,
		Column:  utf8.RuneCountInString(before[start:]) + 1,
		Token:   token,
	}
}
