// Package docker_test checks the shape of the tree that it lies at the root of:
// who imports whom, package comments, names, sizes, and that every job and every
// command has its file, its test and its page. It owns no state. Start reading
// at layers, the import table; the rest are the rules of CONTRIBUTING.md.
package docker_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/enginejobs/docker/"

// layers is the import table: what a package (or all packages below a
// directory, "x/...") may import from this module. "pkg" stands for every
// package below pkg. Arrows point down only; a new edge is a new line here, with
// its reason. The longest matching row counts.
var layers = map[string][]string{
	// Layer 0: words and tools.
	"errdefs":       {},
	"dockerversion": {},
	"pkg/...":       {"pkg", "errdefs"}, // pkg/archive and its like answer with kinds
	// Layer 1: vocabulary and stores.
	"runconfig": {"errdefs", "pkg"},
	"api":       {"runconfig", "errdefs", "pkg"}, // the wire's container documents hold a Config
	"image":     {"runconfig", "errdefs", "pkg"}, // an image holds the Config of its containers
	"engine":    {"errdefs", "pkg"},
	"graphdb":   {"errdefs", "pkg"},
	// Layer 2: contracts and what implements them.
	"logdriver":            {"errdefs", "pkg"},
	"logdriver/...":        {"logdriver", "logdriver/...", "errdefs", "pkg"},
	"execdriver":           {"logdriver", "errdefs", "pkg"}, // a Command says how its output is logged
	"graphdriver":          {"errdefs", "pkg"},
	"networkdriver":        {"errdefs", "pkg"},
	"execdriver/...":       {"execdriver/...", "logdriver", "logdriver/...", "errdefs", "dockerversion", "pkg", "engine", "engine/..."},
	"graphdriver/...":      {"graphdriver/...", "errdefs", "pkg"},
	"networkdriver/...":    {"networkdriver/...", "engine", "api", "errdefs", "pkg"},
	"engine/...":           {"engine", "engine/...", "errdefs", "pkg"}, // jobs over HTTP, spawned engines
	"events":               {"engine", "engine/metrics", "api", "errdefs", "pkg"},
	"registry":             {"engine", "api", "image", "errdefs", "pkg"},
	"volumes":              {"api", "errdefs", "pkg"},
	"execdriver/initproto": {"pkg"},
	// Layer 3: what a container and an image are.
	"graph":       {"engine", "builder/dockerfile", "graphdriver", "registry", "image", "runconfig", "api", "errdefs", "pkg"},
	"daemon":      {"engine", "builder/dockerfile", "engine/metrics", "execdriver", "logdriver", "logdriver/...", "graphdriver", "graphdb", "image", "volumes", "runconfig", "api", "errdefs", "dockerversion", "pkg"},
	"builder":     {"builder/...", "engine", "runconfig", "image", "api", "errdefs", "pkg"},
	"builder/...": {"builder/...", "engine", "runconfig", "image", "api", "errdefs", "pkg"},
	// Layer 4: the process and its two doors.
	"server":     {"*"}, // the only place where concrete parts meet
	"api/server": {"engine", "engine/remote", "engine/metrics", "api", "errdefs", "runconfig", "dockerversion", "pkg"},
	"api/client": {"api", "engine", "engine/remote", "runconfig", "errdefs", "dockerversion", "pkg"}, // `docker job` is a caller on the bus
	// Layer 5 and 6: the list of parts, and the mains.
	"builtins":            {"engine", "server", "api", "api/server", "networkdriver/bridge", "networkdriver/null", "registry", "events", "dockerversion", "errdefs", "pkg"},
	"docker":              {"dockerinit/embedded", "builtins", "engine", "server", "api", "api/client", "sysinit", "errdefs", "dockerversion", "pkg"},
	"sysinit":             {"execdriver/native/initproto", "pkg"},
	"dockerinit/embedded": {},                                          // bytes
	"dockerinit":          {"sysinit", "execdriver/native/...", "pkg"}, // one binary is init and exec engine
	// Not part of any binary.
	"hack/...":        {"*"},
	"integration/...": {"*"},
	"integration":     {"*"},
	// What tests of embedders run beside themselves; daemontest is a test package.
	"server/daemontest/...": {"server/daemontest/sweep", "server/daemontest/bridges", "pkg"},
}

// goFile is one parsed file.
type goFile struct {
	path string // from the root: "daemon/stop.go"
	dir  string
	test bool
	ast  *ast.File
	text []byte
}

var fset = token.NewFileSet()

// tree parses every Go file of the module.
func tree(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (name != "." && strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if name == "docs/examples" || name == "integration/dockerfiles" {
			return filepath.SkipDir // modules of their own: code of users, not ours
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, goFile{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), parsed, text})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// support says whether a package is for tests only: its name ends in "test".
func support(dir string) bool { return strings.HasSuffix(dir, "test") || dir == "pkg/testutil" }

// row finds the line of the table for a package.
func row(dir string) (string, bool) {
	if _, ok := layers[dir]; ok {
		return dir, true
	}
	for at := dir; at != "."; at = path.Dir(at) {
		if _, ok := layers[at+"/..."]; ok {
			return at + "/...", true
		}
	}
	return "", false
}

func allowed(list []string, pkg string) bool {
	for _, entry := range list {
		below, tree := strings.CutSuffix(entry, "/...")
		switch {
		case entry == "*", entry == pkg, entry == "pkg" && strings.HasPrefix(pkg, "pkg/"):
			return true
		case tree && (pkg == below || strings.HasPrefix(pkg, below+"/")):
			return true
		}
	}
	return false
}

func TestImports(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || support(f.dir) || f.dir == "." {
			continue
		}
		name, ok := row(f.dir)
		if !ok {
			t.Errorf("%s: package %s has no row in the import table of layout_test.go", f.path, f.dir)
			continue
		}
		for _, spec := range f.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			pkg, ours := strings.CutPrefix(imported, module)
			switch {
			case !ours:
			case support(pkg) && !strings.HasPrefix(f.dir, "hack") && !strings.HasPrefix(f.dir, "integration"):
				t.Errorf("%s imports %s, which is for tests only", f.path, pkg)
			case !allowed(layers[name], pkg):
				t.Errorf("%s imports %s: %s may import %v only. Ask by a job, or by a small interface that package server fills",
					f.path, pkg, name, layers[name])
			}
		}
	}
}

// TestClientLinksNoDaemon: the client half builds where there is no daemon, so
// only daemon_linux.go of docker/ may reach the parts.
func TestClientLinksNoDaemon(t *testing.T) {
	for _, f := range tree(t) {
		if f.dir != "docker" || f.test || strings.HasSuffix(f.path, "_linux.go") {
			continue
		}
		for _, spec := range f.ast.Imports {
			for _, part := range []string{"builtins", "server", "engine", "sysinit"} {
				if spec.Path.Value == strconv.Quote(module+part) {
					t.Errorf("%s imports %s; only a _linux.go file of docker may", f.path, part)
				}
			}
		}
	}
}

// TestForbiddenConstructs: no registration behind one's back.
func TestForbiddenConstructs(t *testing.T) {
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		for _, spec := range f.ast.Imports {
			blank := spec.Name != nil && spec.Name.Name == "_"
			// database/sql has no other way to take a driver; embed is a compiler directive.
			driver := f.dir == "graphdb" && strings.Contains(spec.Path.Value, "sqlite3")
			if blank && !driver && spec.Path.Value != `"embed"` {
				t.Errorf("%s: blank import of %s; call what it offers by name", f.path, spec.Path.Value)
			}
			if spec.Path.Value == `"reflect"` && !support(f.dir) {
				t.Errorf("%s imports reflect; grep for a caller must find it", f.path)
			}
		}
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has func init; registration is a visible table", f.path)
			}
		}
	}
}

var junk = regexp.MustCompile(`^(utils?|common|helpers?|misc|base|shared|hack)(_.*)?(\.go)?$`)

func TestNames(t *testing.T) {
	for _, f := range tree(t) {
		file := path.Base(f.path)
		if junk.MatchString(file) || (f.dir != "hack" && junk.MatchString(path.Base(f.dir))) {
			t.Errorf("%s: a drawer for anything; name it for what it holds", f.path)
		}
		// A package is named like its directory; main and _test packages are free.
		name := strings.TrimSuffix(f.ast.Name.Name, "_test")
		if name != "main" && f.dir != "." && name != path.Base(f.dir) && f.path != "api/server" {
			t.Errorf("%s: package %s lies in a directory of another name", f.path, name)
		}
	}
}

// TestPackageComments: role, state, where to start, who must not import it.
func TestPackageComments(t *testing.T) {
	comments := map[string]string{}
	for _, f := range tree(t) {
		if _, ok := comments[f.dir]; !ok {
			comments[f.dir] = ""
		}
		if f.ast.Doc != nil && (!f.test || f.dir == "." || f.dir == "integration") {
			comments[f.dir] += f.ast.Doc.Text()
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(comments)) {
		if lines := strings.Count(strings.TrimSpace(comments[dir]), "\n") + 1; comments[dir] == "" || lines < 3 {
			t.Errorf("%s: the package comment must say the role, the state that it owns, where to start reading and what must not import it (3 lines at least)", dir)
		}
	}
}

// Sizes. What is longer than the first number of a pair is worth a look and is
// logged (go test -v); what is longer than the second fails, unless the file
// says why in a comment "// size: REASON".
var fileSize, testSize, funcSize = [2]int{400, 500}, [2]int{600, 800}, [2]int{60, 80}

var sizeReason = regexp.MustCompile(`(?m)^// size: \S+`)

func TestSizes(t *testing.T) {
	check := func(f goFile, what string, lines int, limit [2]int) {
		switch {
		case lines > limit[1] && !sizeReason.Match(f.text):
			t.Errorf("%s has %d lines, at most %d are allowed; split it, or say why not in a comment // size: …", what, lines, limit[1])
		case lines > limit[0]:
			t.Logf("%s has %d lines, more than %d", what, lines, limit[0])
		}
	}
	for _, f := range tree(t) {
		limit := fileSize
		if f.test || strings.HasPrefix(f.dir, "integration") {
			limit = testSize
		}
		check(f, f.path, strings.Count(string(f.text), "\n"), limit)
		if f.test {
			continue // tables of cases may be long
		}
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				lines := fset.Position(fn.Body.Rbrace).Line - fset.Position(fn.Body.Lbrace).Line
				if len(fn.Body.List) <= 6 {
					continue // a table is as long as it is
				}
				check(f, f.path+": "+fn.Name.Name, lines, funcSize)
			}
		}
	}
}

// pages reads the generated pages of docs/jobs or docs/cli: one for each job or
// command that the code declares (TestDocsAreCurrent keeps that true).
func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	found, err := filepath.Glob("docs/" + dir + "/*.md")
	if err != nil || len(found) == 0 {
		t.Fatalf("docs/%s has no pages: %v", dir, err)
	}
	texts := map[string]string{}
	for _, page := range found {
		name := strings.TrimSuffix(path.Base(page), ".md")
		if name == "README" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

var codeIn = regexp.MustCompile("Its code is in `([^`]+)`")

// TestJobsAreFoundByName: the job stop of package daemon is in daemon/stop.go.
func TestJobsAreFoundByName(t *testing.T) {
	for name, text := range pages(t, "jobs") {
		m := codeIn.FindStringSubmatch(text)
		if m == nil {
			t.Errorf("docs/jobs/%s.md does not say where its code is", name)
			continue
		}
		dir := path.Dir(m[1])
		if !exists(path.Join(dir, name+".go")) && !exists(path.Join(dir, name+"_linux.go")) {
			t.Errorf("job %s of %s has no file %s/%s.go", name, m[1], dir, name)
		}
	}
}

// TestCommandsAreFoundByName: the command stop is in api/client/stop.go, and
// integration/testdata/stop.txtar runs it; no script is without a command.
func TestCommandsAreFoundByName(t *testing.T) {
	commands := pages(t, "cli")
	for name := range commands {
		for _, want := range []string{"api/client/" + name + ".go", "integration/testdata/" + name + ".txtar"} { // "job ls": job_ls
			if !exists(want) {
				t.Errorf("command %s has no %s", name, want)
			}
		}
	}
	scripts, err := filepath.Glob("integration/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if _, ok := commands[strings.TrimSuffix(path.Base(script), ".txtar")]; !ok {
			t.Errorf("%s runs no command that exists", script)
		}
	}
}

func TestDocsAreCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("builds hack/docsgen: not in short mode")
	}
	if out, err := exec.Command("go", "run", "./hack/docsgen", "-check").CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// docPath is a path as the documents write it: `daemon/stop.go`, `hack/`. What
// has a placeholder or is no path at all is not one.
var docPath = regexp.MustCompile("`([a-zA-Z0-9_.-]+(?:/[a-zA-Z0-9_.-]+)+/?)`")

// docLink is where a link leads, without the place in the page.
var docLink = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)

// placeholder is the name of any job or any command: `daemon/J.go`.
var placeholder = regexp.MustCompile(`/[A-Z](_test)?\.[a-z]+$`)

// TestPathsInDocsExist: a document that names a file of this tree tells the
// truth. The first word of the path decides whether it is one of ours.
func TestPathsInDocsExist(t *testing.T) {
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/dev/*.md", "docs/decisions/*.md", "hack/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	for _, doc := range documents {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range docLink.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(m[1], ":") && !exists(path.Join(path.Dir(doc), m[1])) {
				t.Errorf("%s links to %s, which does not exist", doc, m[1])
			}
		}
		for _, m := range docPath.FindAllStringSubmatch(string(text), -1) {
			first, _, _ := strings.Cut(m[1], "/")
			if first == "bin" || !exists(first) { // built, or no path of this tree
				continue
			}
			if placeholder.MatchString(m[1]) {
				continue
			}
			if !exists(m[1]) {
				t.Errorf("%s names %s, which does not exist", doc, m[1])
			}
		}
	}
}

// TestDependenciesHaveAReason: every module that the code imports has its line
// in docs/decisions/dependencies.md, and no line is about one that is gone.
func TestDependenciesHaveAReason(t *testing.T) {
	reasons, err := os.ReadFile("docs/decisions/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for line := range strings.Lines(string(gomod)) {
		if fields := strings.Fields(strings.TrimPrefix(line, "require ")); len(fields) > 1 && strings.HasPrefix(fields[1], "v") {
			modules = append(modules, fields[0])
		}
	}
	missing := map[string]string{}
	for _, f := range tree(t) {
		for _, spec := range f.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			for _, m := range modules {
				if (imported == m || strings.HasPrefix(imported, m+"/")) && !strings.Contains(string(reasons), "`"+m+"`") {
					missing[m] = f.path
				}
			}
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(string(reasons), -1) {
		if !slices.Contains(modules, row[1]) {
			t.Errorf("docs/decisions/dependencies.md gives a reason for %s, which go.mod does not have", row[1])
		}
	}
	for m, file := range missing {
		t.Errorf("%s imports %s, which has no reason in docs/decisions/dependencies.md", file, m)
	}
}
