package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// statement drops a call, a deferred call or an assignment, and reverses a step.
func (s *source) statement(n ast.Stmt, parent ast.Node) {
	switch p := parent.(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		if c, ok := p.(*ast.CommClause); ok && c.Comm == n {
			return
		}
	default:
		return // the first or last part of an if, a for or a switch
	}
	switch n := n.(type) {
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); !ok || s.ends(call) {
			return
		}
	case *ast.DeferStmt:
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE || s.onlyBlank(n) {
			return
		}
	case *ast.IncDecStmt:
	default:
		return
	}
	k := s.add(n, s.plain(n), "nothing")
	s.at(n, func(switched func(ast.Node) string) string {
		return fmt.Sprintf("if !mutant.On(%d) { %s }", k, switched(n))
	})
}

// ends: code behind the call is not reached, as the compiler knows.
func (s *source) ends(call *ast.CallExpr) bool {
	name, ok := call.Fun.(*ast.Ident)
	return ok && name.Name == "panic"
}

func (s *source) onlyBlank(n *ast.AssignStmt) bool {
	for _, l := range n.Lhs {
		if name, ok := l.(*ast.Ident); !ok || name.Name != "_" {
			return false
		}
	}
	return true
}

// constants changes each numeric constant that has a value of its own: twice a duration, and one more than a number.
func (s *source) constants(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		values := spec.(*ast.ValueSpec)
		for i, value := range values.Values {
			name := values.Names[i]
			b, ok := s.info.TypeOf(name).Underlying().(*types.Basic)
			if !ok || b.Info()&types.IsNumeric == 0 || strings.Contains(s.plain(value), "iota") {
				continue
			}
			is := s.plain(value) + " + 1"
			if named, ok := s.info.TypeOf(name).(*types.Named); ok && named.Obj().Name() == "Duration" {
				is = "2 * (" + s.plain(value) + ")"
			}
			k := s.add(value, name.Name+" = "+s.plain(value), name.Name+" = "+is)
			(*s.all)[k-1].constant = s.text[:s.offset(value.Pos())] + is + s.text[s.offset(value.End()):]
		}
	}
}
