package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// A change is one mutant.
type change struct {
	id       int
	file     string // relative to the module
	line     int
	function string
	was, is  string
	nth      int    // of the changes in this function that read the same, from 1
	constant string // the whole file with the constant changed; empty: it is behind a switch
}

// key names a change however lines move.
func (c change) key() string {
	s := fmt.Sprintf("%s %s: %s -> %s", c.file, c.function, c.was, c.is)
	if c.nth > 1 {
		s += fmt.Sprintf(" #%d", c.nth)
	}
	return s
}

// A point is a place in the source that is rewritten with switches. write gets a way to write a part of it, or itself,
// with the points in it rewritten.
type point struct {
	from, to int
	write    func(switched func(ast.Node) string) string
}

// A source is one file in the making.
type source struct {
	name   string // relative to the module
	text   string
	file   *ast.File
	fset   *token.FileSet
	info   *types.Info
	pkg    *types.Package
	points []point
	all    *[]change
	inside string // the function
}

// changes finds every change to a package, and returns its files with the switches in them.
func changes(pkg *packages.Package, module string) (files map[string]string, all []change) {
	files = map[string]string{}
	for i, file := range pkg.Syntax {
		path := pkg.CompiledGoFiles[i]
		s := &source{
			name: strings.TrimPrefix(path, module+"/"), text: readFile(path), file: file,
			fset: pkg.Fset, info: pkg.TypesInfo, pkg: pkg.Types, all: &all,
		}
		s.find()
		files[path] = s.rewritten()
	}
	for i := range all {
		for _, before := range all[:i] {
			if before.file == all[i].file && before.function == all[i].function && before.was == all[i].was && before.is == all[i].is {
				all[i].nth = before.nth + 1
			}
		}
		all[i].nth = max(all[i].nth, 1)
	}
	return files, all
}

func (s *source) offset(p token.Pos) int { return s.fset.Position(p).Offset }

func (s *source) plain(n ast.Node) string { return s.text[s.offset(n.Pos()):s.offset(n.End())] }

// add notes a change behind a switch, and returns the number of the switch.
func (s *source) add(n ast.Node, was, is string) int {
	*s.all = append(*s.all, change{
		id: len(*s.all) + 1, file: s.name, line: s.fset.Position(n.Pos()).Line, function: s.inside, was: oneLine(was), is: oneLine(is),
	})
	return len(*s.all)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// rewritten is the file with every point written.
func (s *source) rewritten() string {
	slices.SortStableFunc(s.points, func(a, b point) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to // the outer first
	})
	body := s.span(0, len(s.text), s.points)
	if len(s.points) == 0 {
		return body
	}
	// The import goes behind the package clause, in its line: lines stay where they are.
	at := s.offset(s.file.Name.End())
	return body[:at] + "; import mutant \"balanced/internal/mutantswitch\"" + body[at:]
}

// span writes a part of the file: points are those within it, or some around it.
func (s *source) span(from, to int, points []point) string {
	var out strings.Builder
	for i := 0; i < len(points); i++ {
		p := points[i]
		if p.from < from || p.to > to {
			continue
		}
		out.WriteString(s.text[from:p.from])
		inner := points[i+1:]
		out.WriteString(p.write(func(n ast.Node) string {
			return s.span(s.offset(n.Pos()), s.offset(n.End()), inner)
		}))
		from = p.to
		for i+1 < len(points) && points[i+1].from < p.to {
			i++
		}
	}
	out.WriteString(s.text[from:to])
	return out.String()
}

// at notes how a place is written. Of two at the same place the outer one comes first.
func (s *source) at(n ast.Node, write func(switched func(ast.Node) string) string) {
	s.points = append(s.points, point{s.offset(n.Pos()), s.offset(n.End()), write})
}
