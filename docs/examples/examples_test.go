// Package examples holds modules of their own, as users of this one have them,
// and checks them: their tests pass, and what docs/dev/embedding.md shows of
// them is what is in them. It owns no state and nobody imports it. Start reading
// at the directory embed.
package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestModules runs the tests of every example, as a user would.
func TestModules(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs: not in short mode")
	}
	mods, err := filepath.Glob("*/go.mod")
	if err != nil || len(mods) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for _, mod := range mods {
		t.Run(filepath.Dir(mod), func(t *testing.T) {
			cmd := exec.Command("go", "test", "-count=1", "./...")
			cmd.Dir = filepath.Dir(mod)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v (when go.mod is out of date: cd docs/examples/%s && go mod tidy)\n%s", err, cmd.Dir, out)
			}
			cmd = exec.Command("go", "vet", "./...")
			cmd.Dir = filepath.Dir(mod)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("go vet: %v\n%s", err, out)
			}
		})
	}
}

// TestTutorialIsInSync: each block of Go in the tutorial that follows a link to
// a file is a part of that file.
func TestTutorialIsInSync(t *testing.T) {
	const page = "../dev/embedding.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)]+\.(?:go|trace|txtar))\)`)
	file, blocks, block := "", 0, []string(nil)
	inside := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case !inside && strings.HasPrefix(line, "```"):
			inside, block = true, nil
		case inside && strings.HasPrefix(line, "```"):
			inside = false
			if file == "" {
				continue // commands to type
			}
			source, err := os.ReadFile(filepath.Join(filepath.Dir(page), file))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(source), strings.Join(block, "\n")+"\n") {
				t.Errorf("%s:%d: the block that ends here is not a part of %s", page, i+1, file)
			}
			blocks++
			file = ""
		case inside:
			block = append(block, line)
		default:
			if m := link.FindStringSubmatch(line); m != nil {
				file = m[1]
			}
		}
	}
	if blocks < 8 {
		t.Errorf("only %d blocks are checked", blocks)
	}
}
