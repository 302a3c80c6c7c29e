// Command docsgen writes docs/jobs and docs/cli from the code: a page for each
// job from its engine.Declaration and the comment beside it, a page for each
// command from its own help, docs/licences.md, and the picture of packages in
// docs/dev/architecture.md.
// It owns the files of the two directories. Start reading at run. With -man it
// writes manual pages (man.go). With -check it writes nothing and fails when a page
// is stale; layout_test.go runs it so.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	check := flag.Bool("check", false, "only tell what is stale")
	man := flag.String("man", "", "write manual pages to this directory, and nothing else")
	flag.Parse()
	if flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "usage: docsgen [-check | -man DIR], at the root of the tree")
		os.Exit(2)
	}
	do := func() error { return run(".", *check) }
	if *man != "" {
		do = func() error { return writeManual(".", *man) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "docsgen:", err)
		os.Exit(1)
	}
}

// run makes all pages and compares or writes them.
func run(root string, check bool) error {
	pages, err := jobPages(root)
	if err != nil {
		return fmt.Errorf("reading the jobs: %w", err)
	}
	commands, err := commandPages(root)
	if err != nil {
		return fmt.Errorf("reading the commands: %w", err)
	}
	maps.Copy(pages, commands)
	if pages[architecturePage], err = architecture(root); err != nil {
		return fmt.Errorf("drawing the packages: %w", err)
	}
	if pages[licencesPage], err = licences(root); err != nil {
		return fmt.Errorf("looking for licences: %w", err)
	}
	var stale []error
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := filepath.Join(root, "docs", name)
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if bytes.Equal(old, pages[name]) {
			continue
		}
		if check {
			stale = append(stale, fmt.Errorf("docs/%s is stale, run make docs", name))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, pages[name], 0o644); err != nil {
			return err
		}
	}
	for _, dir := range []string{"jobs", "cli"} { // pages of what is gone
		found, _ := filepath.Glob(filepath.Join(root, "docs", dir, "*.md"))
		for _, path := range found {
			name := filepath.Join(dir, filepath.Base(path))
			if _, ok := pages[name]; ok {
				continue
			}
			if check {
				stale = append(stale, fmt.Errorf("docs/%s describes nothing that exists, run make docs", name))
			} else if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return errors.Join(stale...)
}
