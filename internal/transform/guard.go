package transform

import (
	"strings"

	"github.com/itchyny/gojq"
)

// forbidden are the functions that look beyond the input. What else does is
// refused by the engine, which has no environment, modules or debug output.
var forbidden = map[string]bool{
	"$ENV": true, "env": true, "input": true, "inputs": true,
	"input_filename": true, "modulemeta": true,
}

// guard rewrites a program such that what could make something huge in a
// single step is measured first: a + b becomes
//
//	%fits_add(a; b) | %left + %right
//
// and tojson becomes %fits | tojson, and so on; guardFunctions has the
// functions that measure. It returns the name of a function that programs may
// not use, "" where there is none.
func guard(q *gojq.Query) string {
	g := guarding{own: map[string]bool{}}
	g.query(q)       // what the program defines itself has to be known first,
	g.rewrite = true // so it is walked twice
	g.query(q)
	return g.refused
}

type guarding struct {
	rewrite bool
	own     map[string]bool // names of functions and parameters that the program defines
	refused string
}

func (g *guarding) query(q *gojq.Query) {
	if q == nil {
		return
	}
	for _, def := range q.FuncDefs {
		g.definition(def)
	}
	g.term(q.Term)
	g.query(q.Left)
	for _, p := range q.Patterns {
		g.pattern(p)
	}
	g.query(q.Right)
	if g.rewrite && q.Term == nil && q.Right != nil {
		guardOperator(q)
	}
}

func (g *guarding) definition(def *gojq.FuncDef) {
	if !g.rewrite {
		g.own[def.Name] = true
		for _, arg := range def.Args {
			g.own[arg] = true
		}
	}
	g.query(def.Body)
}

func (g *guarding) term(t *gojq.Term) {
	if t == nil {
		return
	}
	g.index(t.Index)
	g.function(t.Func)
	g.object(t.Object)
	if t.Array != nil {
		g.query(t.Array.Query)
	}
	if t.Unary != nil {
		g.term(t.Unary.Term)
	}
	g.text(t.Str)
	g.control(t)
	g.query(t.Query)
	for _, suffix := range t.SuffixList {
		g.index(suffix.Index)
	}
	if g.rewrite {
		g.guardTerm(t)
	}
}

// control walks the terms that hold several queries.
func (g *guarding) control(t *gojq.Term) {
	if t.If != nil {
		g.query(t.If.Cond)
		g.query(t.If.Then)
		for _, elif := range t.If.Elif {
			g.query(elif.Cond)
			g.query(elif.Then)
		}
		g.query(t.If.Else)
	}
	if t.Try != nil {
		g.query(t.Try.Body)
		g.query(t.Try.Catch)
	}
	if t.Reduce != nil {
		g.query(t.Reduce.Query)
		for _, p := range t.Reduce.Patterns {
			g.pattern(p)
		}
		g.query(t.Reduce.Start)
		g.query(t.Reduce.Update)
	}
	if t.Foreach != nil {
		g.query(t.Foreach.Query)
		for _, p := range t.Foreach.Patterns {
			g.pattern(p)
		}
		g.query(t.Foreach.Start)
		g.query(t.Foreach.Update)
		g.query(t.Foreach.Extract)
	}
	if t.Label != nil {
		g.query(t.Label.Body)
	}
}

func (g *guarding) pattern(p *gojq.Pattern) {
	if p == nil {
		return
	}
	for _, element := range p.Array {
		g.pattern(element)
	}
	for _, field := range p.Object {
		g.text(field.KeyString)
		g.query(field.KeyQuery)
		g.pattern(field.Val)
	}
}

func (g *guarding) object(o *gojq.Object) {
	if o == nil {
		return
	}
	for _, field := range o.KeyVals {
		if field.Val == nil && strings.HasPrefix(field.Key, "$") {
			g.name(field.Key) // {$ENV}
		}
		g.text(field.KeyString)
		g.query(field.KeyQuery)
		g.query(field.Val)
	}
}

// text guards what a string interpolates.
func (g *guarding) text(s *gojq.String) {
	if s == nil {
		return
	}
	for i, part := range s.Queries {
		g.query(part)
		if g.rewrite && part.Term != nil && part.Term.Str == nil {
			s.Queries[i] = parenthesized(pipe(part, call("%fits")))
		}
	}
}

// index guards the number of an element, which an assignment would make room
// for.
func (g *guarding) index(x *gojq.Index) {
	if x == nil {
		return
	}
	g.text(x.Str)
	g.query(x.Start)
	g.query(x.End)
	if g.rewrite && x.Start != nil && !x.IsSlice && !isSmall(x.Start) {
		x.Start = pipe(x.Start, call("%fits_index"))
	}
}

func (g *guarding) function(f *gojq.Func) {
	if f == nil {
		return
	}
	g.name(f.Name)
	for _, arg := range f.Args {
		g.query(arg)
	}
}

// name refuses the names that programs may not use.
func (g *guarding) name(name string) {
	if g.rewrite && g.refused == "" && !g.own[name] && (forbidden[name] || strings.HasPrefix(name, "_")) {
		g.refused = name
	}
}

// guardTerm guards a call of a built-in function, and a format.
func (g *guarding) guardTerm(t *gojq.Term) {
	if t.Type == gojq.TermTypeFormat && t.Str == nil {
		enclose(t, pipe(call("%fits"), &gojq.Query{Term: &gojq.Term{Type: t.Type, Format: t.Format}}))
		return
	}
	if t.Type != gojq.TermTypeFunc || g.own[t.Func.Name] {
		return
	}
	f := &gojq.Query{Term: &gojq.Term{Type: t.Type, Func: t.Func}}
	args := t.Func.Args
	switch name := t.Func.Name; {
	case len(args) == 0 && (name == "tojson" || name == "tostring" || name == "flatten"),
		len(args) == 1 && (name == "format" || name == "flatten"):
		enclose(t, pipe(call("%fits"), f))
	case len(args) == 0 && name == "add":
		enclose(t, pipe(call("%fits_sum"), f))
	case len(args) == 1 && name == "add": // add(f) is [f] | add
		list := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeArray, Array: &gojq.Array{Query: args[0]}}}
		enclose(t, pipe(list, pipe(call("%fits_sum"), call("add"))))
	case len(args) == 1 && name == "join":
		enclose(t, bind(args[0], pipe(call("%fits_join", call(bound)), call("join", call(bound)))))
	case len(args) == 0 && name == "transpose":
		enclose(t, pipe(call("%fits_transpose"), f))
	case len(args) == 2 && name == "setpath":
		args[0] = pipe(args[0], call("%fits_path"))
	case len(args) == 1 && name == "fromstream":
		args[0] = pipe(args[0], call("%fits_event"))
	}
}

// guardOperator guards a sum and a product, except a sum with a literal: that
// grows by what the program itself is long.
func guardOperator(q *gojq.Query) {
	var check string
	op := q.Op
	switch op {
	case gojq.OpAdd, gojq.OpUpdateAdd:
		if isSmall(q.Left) || isSmall(q.Right) {
			return
		}
		check = "%fits_add"
	case gojq.OpMul, gojq.OpUpdateMul:
		check = "%fits_product"
	default:
		return
	}
	switch op {
	case gojq.OpUpdateAdd, gojq.OpUpdateMul: // l += r is r as $x | l |= . + $x
		binary := gojq.OpAdd
		if op == gojq.OpUpdateMul {
			binary = gojq.OpMul
		}
		identity := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIdentity}}
		update := pipe(call(check, identity, call(bound)), operation(call("%left"), binary, call("%right")))
		become(q, bind(q.Right, operation(q.Left, gojq.OpModify, update)))
	default:
		become(q, pipe(call(check, q.Left, q.Right), operation(call("%left"), op, call("%right"))))
	}
}

// bound is a variable that no program can name.
const bound = "$%guard"

// become gives q the meaning of another query and keeps its definitions.
func become(q, other *gojq.Query) {
	q.Left, q.Op, q.Right, q.Patterns = other.Left, other.Op, other.Right, other.Patterns
}

// enclose gives t the meaning of (q), and keeps its suffixes.
func enclose(t *gojq.Term, q *gojq.Query) {
	*t = gojq.Term{Type: gojq.TermTypeQuery, Query: q, SuffixList: t.SuffixList}
}

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func operation(left *gojq.Query, op gojq.Operator, right *gojq.Query) *gojq.Query {
	return &gojq.Query{Left: left, Op: op, Right: right}
}

func pipe(left, right *gojq.Query) *gojq.Query { return operation(left, gojq.OpPipe, right) }

func bind(value, body *gojq.Query) *gojq.Query {
	q := pipe(value, body)
	q.Patterns = []*gojq.Pattern{{Name: bound}}
	return q
}

func parenthesized(q *gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: q}}
}

// isSmall tells whether q is a literal string without interpolation or a
// literal number of a few digits.
func isSmall(q *gojq.Query) bool {
	t := q.Term
	if t == nil || len(t.SuffixList) > 0 || len(q.FuncDefs) > 0 {
		return false
	}
	switch t.Type {
	case gojq.TermTypeString:
		return t.Str.Queries == nil
	case gojq.TermTypeNumber:
		return len(t.Number) <= 6 && !strings.ContainsAny(t.Number, "eE")
	default:
		return false
	}
}
