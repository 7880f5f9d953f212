package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// find walks the file.
func (s *source) find() {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil {
				continue
			}
			s.inside = d.Name.Name
			if d.Recv != nil {
				s.inside = strings.TrimLeft(s.plain(d.Recv.List[0].Type), "*") + "." + d.Name.Name
			}
			s.walk(d.Body)
		case *ast.GenDecl:
			s.inside = "package"
			if d.Tok == token.CONST {
				s.constants(d)
			} else if d.Tok == token.VAR {
				s.walk(d)
			}
		}
	}
}

// walk finds what can be changed below a node.
func (s *source) walk(root ast.Node) {
	var above []ast.Node
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return false
		}
		var parent ast.Node
		if len(above) > 0 {
			parent = above[len(above)-1]
		}
		if s.skip(n) {
			return false
		}
		above = append(above, n)
		switch n := n.(type) {
		case ast.Expr:
			s.expression(n, parent)
		case ast.Stmt:
			s.statement(n, parent)
		}
		return true
	})
}

// skip: what is below has to be as it is. Constants inside functions, types, and whole constant expressions but for
// their numbers are left alone.
func (s *source) skip(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		if n.Tok == token.CONST {
			s.constants(n)
		}
		return n.Tok != token.VAR
	case *ast.ArrayType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.MapType, *ast.ChanType, *ast.BranchStmt:
		return true
	case *ast.CaseClause:
		tagless := false
		for _, e := range n.List {
			tagless = tagless || s.isBool(e)
		}
		if !tagless { // the values of a switch may have to be constants that differ
			for _, st := range n.Body {
				s.walk(st)
			}
			return true
		}
	}
	return false
}

func (s *source) isBool(e ast.Expr) bool {
	t := s.info.TypeOf(e)
	return t != nil && (types.Identical(t, types.Typ[types.Bool]) || types.Identical(t, types.Typ[types.UntypedBool]))
}

func (s *source) constant(e ast.Expr) bool { return s.info.Types[e].Value != nil }

// expression finds the changes to one expression itself.
func (s *source) expression(e ast.Expr, parent ast.Node) {
	if s.isCondition(e, parent) {
		s.negated(e)
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if !s.constant(e) {
			s.binary(e)
		}
	case *ast.UnaryExpr:
		if e.Op == token.NOT && s.isBool(e) {
			k := s.add(e, s.plain(e), s.plain(e.X))
			s.at(e, func(switched func(ast.Node) string) string {
				return fmt.Sprintf("(mutant.On(%d) != (!%s))", k, switched(e.X))
			})
		}
	case *ast.Ident:
		s.truth(e)
	case *ast.BasicLit:
		s.number(e)
	case *ast.CallExpr:
		s.chained(e)
	}
}

// isCondition: a condition that is not made of operators, which are changed themselves.
func (s *source) isCondition(e ast.Expr, parent ast.Node) bool {
	if !s.isBool(e) || s.constant(e) {
		return false
	}
	switch e.(type) {
	case *ast.BinaryExpr, *ast.UnaryExpr, *ast.ParenExpr:
		return false
	}
	switch p := parent.(type) {
	case *ast.IfStmt:
		return p.Cond == e
	case *ast.ForStmt:
		return p.Cond == e
	case *ast.CaseClause:
		return slices.Contains(p.List, e)
	case *ast.ReturnStmt, *ast.BinaryExpr:
		_, call := e.(*ast.CallExpr)
		return call
	}
	return false
}

func (s *source) negated(e ast.Expr) {
	k := s.add(e, s.plain(e), "!"+s.plain(e))
	s.at(e, func(switched func(ast.Node) string) string {
		return fmt.Sprintf("(mutant.On(%d) != (%s))", k, switched(e))
	})
}

var comparisons = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ},
	token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ},
	token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ},
	token.NEQ: {token.EQL},
}

var arithmetic = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.ADD, token.QUO: token.MUL, token.REM: token.MUL,
}

func (s *source) binary(e *ast.BinaryExpr) {
	switch others, swap := comparisons[e.Op], arithmetic[e.Op]; {
	case len(others) > 0 && s.isBool(e):
		var alternatives []string
		for _, op := range others {
			alternatives = append(alternatives, s.plain(e.X)+" "+op.String()+" "+s.plain(e.Y))
		}
		s.instead(e, alternatives)
	case (e.Op == token.LAND || e.Op == token.LOR) && s.isBool(e):
		swapped := token.LAND
		if e.Op == token.LAND {
			swapped = token.LOR
		}
		s.instead(e, []string{
			"(" + s.plain(e.X) + ") " + swapped.String() + " (" + s.plain(e.Y) + ")", s.plain(e.X), s.plain(e.Y),
		})
	case swap != token.ILLEGAL && s.isNumber(e):
		is := s.plain(e.X) + " " + swap.String() + " " + s.plain(e.Y)
		k := s.add(e, s.plain(e), is)
		s.at(e, func(switched func(ast.Node) string) string {
			return fmt.Sprintf("mutant.Pick(%d, %s %s %s, %s)", k, switched(e.X), e.Op, switched(e.Y), is)
		})
	}
}

// instead gives a condition alternatives, of which only the chosen one is evaluated.
func (s *source) instead(e *ast.BinaryExpr, alternatives []string) {
	first := 0
	for i, is := range alternatives {
		k := s.add(e, s.plain(e), is)
		if i == 0 {
			first = k
		}
	}
	s.at(e, func(switched func(ast.Node) string) string {
		text := ""
		for i, is := range alternatives {
			text += fmt.Sprintf("mutant.On(%d) && (%s) || ", first+i, is)
		}
		return fmt.Sprintf("(%s!mutant.Any(%d, %d) && (%s %s %s))", text, first, first+len(alternatives)-1, switched(e.X), e.Op, switched(e.Y))
	})
}

func (s *source) isNumber(e ast.Expr) bool {
	b, ok := s.info.TypeOf(e).Underlying().(*types.Basic)
	return ok && b.Info()&types.IsNumeric != 0 && b.Info()&types.IsUntyped == 0
}

// truth changes true to false, and back.
func (s *source) truth(e *ast.Ident) {
	if (e.Name != "true" && e.Name != "false") || s.info.Uses[e] == nil || s.info.Uses[e].Pkg() != nil {
		return
	}
	k := s.add(e, e.Name, map[string]string{"true": "false", "false": "true"}[e.Name])
	s.at(e, func(func(ast.Node) string) string { return fmt.Sprintf("(mutant.On(%d) != %s)", k, e.Name) })
}

// number changes a number by one.
func (s *source) number(e *ast.BasicLit) {
	if e.Kind != token.INT && e.Kind != token.FLOAT {
		return
	}
	name, ok := s.typeName(s.info.TypeOf(e))
	if !ok {
		return
	}
	k := s.add(e, e.Value, e.Value+"+1")
	s.at(e, func(func(ast.Node) string) string {
		return fmt.Sprintf("mutant.Pick[%s](%d, %s, %s+1)", name, k, e.Value, e.Value)
	})
}

// typeName is how the file names a type, if it can.
func (s *source) typeName(t types.Type) (string, bool) {
	switch t := t.(type) {
	case *types.Basic:
		return t.Name(), t.Info()&types.IsUntyped == 0 && t.Kind() != types.UntypedNil
	case *types.Named:
		if t.Obj().Pkg() == s.pkg {
			return t.Obj().Name(), true
		}
		for _, i := range s.file.Imports {
			if strings.Trim(i.Path.Value, `"`) == t.Obj().Pkg().Path() && i.Name == nil {
				return t.Obj().Pkg().Name() + "." + t.Obj().Name(), true
			}
		}
	}
	return "", false
}

// chained drops a method call that returns what it was called on: a.b() becomes a.
func (s *source) chained(e *ast.CallExpr) {
	sel, ok := e.Fun.(*ast.SelectorExpr)
	if !ok || s.info.Selections[sel] == nil || s.info.TypeOf(e) == nil || !types.Identical(s.info.TypeOf(e), s.info.TypeOf(sel.X)) {
		return
	}
	k := s.add(e, s.plain(e), s.plain(sel.X))
	s.at(e, func(switched func(ast.Node) string) string {
		return fmt.Sprintf("mutant.Pick(%d, %s, %s)", k, switched(e), s.plain(sel.X))
	})
}
