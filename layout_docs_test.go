package docker_test

import (
	"go/ast"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// TestLocksInDocsExist: what docs/dev/locks.md calls a lock is a mutex, or a channel
// used as one, of the package that the same cell names, if it names one.
func TestLocksInDocsExist(t *testing.T) {
	locks := map[string][]string{} // name -> packages
	for _, f := range tree(t) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || f.test || !isLock(field.Type) {
				return true
			}
			for _, name := range field.Names {
				locks[name.Name] = append(locks[name.Name], f.dir)
			}
			return true
		})
	}
	text, err := os.ReadFile("docs/dev/locks.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || !strings.HasPrefix(line, "|") {
			continue
		}
		for _, cell := range cells[1:3] {
			dir := ""
			for _, span := range codeSpan.FindAllStringSubmatch(cell, -1) {
				if exists(span[1]) {
					dir = span[1]
					continue
				}
				in, ok := locks[span[1]]
				if !ok && strings.ContainsAny(span[1], " (.") {
					continue // no name of a field
				}
				checked++
				below := func(pkg string) bool { return dir == "" || pkg == dir || strings.HasPrefix(pkg, dir+"/") }
				if !slices.ContainsFunc(in, below) {
					t.Errorf("docs/dev/locks.md: there is no lock %s in %q: %s", span[1], dir, strings.TrimSpace(line))
				}
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d locks were found on the page", checked)
	}
}

// isLock tells whether the type of a field is a mutex, by itself or in a package
// of ours that wraps one.
func isLock(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && strings.HasSuffix(s.Sel.Name, "Mutex")
}

// TestGlossary: the words are in order of meaning, not twice, and what they name in
// code is a package.
func TestGlossary(t *testing.T) {
	text, err := os.ReadFile("docs/dev/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		word := strings.TrimSpace(cells[1])
		if seen[word] {
			t.Errorf("docs/dev/glossary.md explains %s twice", word)
		}
		seen[word] = true
		for _, span := range regexp.MustCompile("\\(`([a-z/]+)`\\)").FindAllStringSubmatch(cells[2], -1) {
			if !exists(path.Clean(span[1])) {
				t.Errorf("docs/dev/glossary.md: %s: there is no package %s", word, span[1])
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("the glossary has %d words", len(seen))
	}
}
