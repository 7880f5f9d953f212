package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

const before = `package p

import "time"

const limit = 5 * time.Second

type v struct{ n int }

func (x v) twice() v { return v{2 * x.n} }

func f(a, b int, ok func() bool, log func(string)) (n int, err bool) {
	if a < b && ok() {
		log("less")
		n = a + b
	}
	for i := 0; i < 3; i++ {
		n++
	}
	switch {
	case !ok():
		defer log("end")
		return v{n}.twice().n, true
	}
	return n, time.Duration(n) > limit
}
`

// source parses and checks a file.
func parsed(t *testing.T, text string) (*source, []change) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", text, parser.ParseComments)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	pkg, err := (&types.Config{Importer: switches{importer.ForCompiler(fset, "source", nil), fset}}).Check("p", fset, []*ast.File{file}, info)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var all []change
	return &source{name: "p.go", text: text, file: file, fset: fset, info: info, pkg: pkg, all: &all}, all
}

// switches imports what changed files import.
type switches struct {
	types.Importer
	fset *token.FileSet
}

func (s switches) Import(path string) (*types.Package, error) {
	if !strings.HasSuffix(path, "mutantswitch") {
		return s.Importer.Import(path)
	}
	file, err := parser.ParseFile(s.fset, "switch.go", switchSource, 0)
	if err != nil {
		return nil, err
	}
	return (&types.Config{Importer: s}).Check(path, s.fset, []*ast.File{file}, nil)
}

func TestChanges(t *testing.T) {
	s, _ := parsed(t, before)
	s.find()
	after := s.rewritten()
	parsed(t, after) // it compiles
	var got []string
	for _, c := range *s.all {
		got = append(got, c.was+" -> "+c.is)
	}
	for _, want := range []string{
		"limit = 5 * time.Second -> limit = 2 * (5 * time.Second)",
		"a < b -> a <= b", "a < b -> a >= b",
		"a < b && ok() -> (a < b) || (ok())", "a < b && ok() -> a < b", "a < b && ok() -> ok()",
		"ok() -> !ok()", "!ok() -> ok()",
		`log("less") -> nothing`, `defer log("end") -> nothing`, "n = a + b -> nothing", "n++ -> nothing",
		"a + b -> a - b", "3 -> 3+1", "true -> false", "v{n}.twice() -> v{n}", "2 * x.n -> 2 + x.n",
		"time.Duration(n) > limit -> time.Duration(n) >= limit",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no change %q among\n%s", want, strings.Join(got, "\n"))
		}
	}
	if slices.Contains(got, "i++ -> nothing") {
		t.Error("a loop that does not end is no change worth making")
	}
	if strings.Count(before, "\n") != strings.Count(after, "\n") {
		t.Error("lines moved")
	}
}

func TestKeysTellChangesApart(t *testing.T) {
	a := change{file: "p.go", function: "f", was: "a", is: "b", nth: 1}
	b := a
	b.nth = 2
	if a.key() == b.key() || a.key() != "p.go f: a -> b" {
		t.Errorf("%q, %q", a.key(), b.key())
	}
}

func TestAListedChangeNeedsAReason(t *testing.T) {
	for text, ok := range map[string]bool{
		"# comment\n\np.go f: a || b -> a | it is the same\n": true,
		"p.go f: a -> b\n":     false,
		"p.go f: a -> b |  \n": false,
	} {
		known, err := parseEquivalent("list", text)
		if (err == nil) != ok {
			t.Errorf("%q: %v, %v", text, known, err)
		}
		if ok && known["p.go f: a || b -> a"] != "it is the same" {
			t.Errorf("%q: %v", text, known)
		}
	}
}

func TestChangesAreChosenInOrder(t *testing.T) {
	all := []change{{file: "a.go", nth: 1}, {file: "b.go", nth: 1}, {file: "a.go", nth: 2}, {file: "c.go", nth: 1}}
	for want, only := range map[string][]string{"a b a c ": nil, "b a a ": {"b.go", "a.go"}, "": {"d.go"}} {
		got := ""
		for _, c := range chosen(slices.Clone(all), only) {
			got += c.file[:1] + " "
		}
		if got != want {
			t.Errorf("%q: %q, want %q", only, got, want)
		}
	}
}
