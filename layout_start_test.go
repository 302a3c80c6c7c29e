package docker_test

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// TestNoExpressionIsCompiledAtStart: each `docker` command starts the whole
// program, so no package of it has a regular expression in a variable; see
// docs/decisions/0008-hand-written-checks.md.
func TestNoExpressionIsCompiledAtStart(t *testing.T) {
	for _, f := range tree(t) {
		top, _, _ := strings.Cut(f.dir, "/")
		if f.test || support(f.dir) || top == "hack" || top == "integration" {
			continue
		}
		for _, decl := range f.ast.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			ast.Inspect(vars, func(n ast.Node) bool {
				if _, ok := n.(*ast.FuncLit); ok {
					return false // runs later
				}
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "regexp" && (sel.Sel.Name == "MustCompile" || sel.Sel.Name == "Compile") {
						t.Errorf("%s: an expression is compiled when the program starts; check by hand, as pkg/names does", fset.Position(sel.Pos()))
					}
				}
				return true
			})
		}
	}
}
