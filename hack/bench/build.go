package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// buildRounds is how often a build is measured, at most: some take a quarter of
// a minute with dockerd.
const buildRounds = 3

// buildWay is one way to build: an engine and the client that asks it.
type buildWay struct {
	name  string
	args  func(args ...string) []string // the command line of `build`
	env   []string
	cold  []string // makes it run every step
	close func()
}

// buildCase is one thing that is built.
type buildCase struct {
	name       string
	dockerfile string
	goal       target
	cold       bool // every step is run; else all are cached
	files      bool // the context is the large one
}

// benchBuild builds images, by our own client and dockerd's, by BuildKit of
// dockerd, and by buildah.
func benchBuild(ctx context.Context, b *board) error {
	dir, err := os.MkdirTemp("", "ejt-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	small, large := filepath.Join(dir, "small"), filepath.Join(dir, "large")
	if err := makeContext(small, 1, 1); err != nil {
		return err
	}
	if err := makeContext(large, contextFiles, contextBytes); err != nil {
		return err
	}
	ways, err := buildWays(ctx, b, dir)
	if err != nil {
		return err
	}
	defer func() {
		for _, way := range ways {
			way.close()
		}
	}()
	for i, c := range buildCases() {
		r := row{name: c.name, unit: "ms", goal: c.goal, values: map[string][]float64{}}
		at := small
		if c.files {
			at = large
		}
		file := filepath.Join(dir, fmt.Sprintf("Dockerfile.%d", i))
		if err := os.WriteFile(file, []byte(c.dockerfile), 0o600); err != nil {
			return err
		}
		// A warm round first: it fills the cache that a cached build finds.
		for round := range min(b.cfg.rounds, buildRounds) + 1 {
			for _, way := range ways {
				ms, err := way.build(ctx, c, file, at)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", c.name, way.name, err)
				}
				if round > 0 {
					r.values[way.name] = append(r.values[way.name], ms)
				}
			}
		}
		b.print(r)
	}
	return b.plainContext(ctx, large)
}

func buildCases() []buildCase {
	steps := func(n int, format string) string {
		text := "FROM busybox\n"
		for i := range n {
			text += strings.ReplaceAll(format, "#", fmt.Sprint(i)) + "\n"
		}
		return text
	}
	// Four stages, each of which keeps one core busy, and one that takes from all.
	var stages, copies string
	for i := range 4 {
		stages += fmt.Sprintf("FROM busybox AS s%d\nRUN dd if=/dev/zero bs=1M count=300 2>/dev/null | sha256sum > /sum%d\n", i, i)
		copies += fmt.Sprintf("COPY --from=s%d /sum%d /\n", i, i)
	}
	return []buildCase{
		{name: "build of 20 × RUN true, cold", dockerfile: steps(20, "RUN true"), cold: true, goal: target{times: 8}},
		{name: "build of 20 metadata steps, cold", dockerfile: steps(20, "ENV NAME#=value#"), cold: true, goal: target{times: 20}},
		{name: "build of 20 × RUN, fully cached", dockerfile: steps(20, "RUN true"), goal: target{times: 3}},
		{name: "build with 213 MB, 10,000 files unused", dockerfile: steps(1, "ENV A=b"), cold: true, files: true, goal: target{times: 10}},
		{name: "build with a COPY of the same", dockerfile: steps(1, "COPY . /context/"), cold: true, files: true, goal: target{times: 2}},
		{name: "build of four busy stages", dockerfile: stages + "FROM busybox\n" + copies, cold: true, goal: target{times: 1.6}},
	}
}

// build builds once and tells how many milliseconds that took.
func (w *buildWay) build(ctx context.Context, c buildCase, file, dir string) (float64, error) {
	args := []string{"-q", "-t", "ejt-bench-build", "-f", file}
	if c.cold {
		args = append(args, w.cold...)
	}
	return timed(func() error { return commandIn(ctx, w.env, w.args(append(args, dir)...)) })
}

// plainContext says how long tar takes to read the context: no build that sends
// it can be faster.
func (b *board) plainContext(ctx context.Context, dir string) error {
	var took []float64
	for range min(b.cfg.rounds, buildRounds) {
		ms, err := timed(func() error { return command(ctx, []string{"sh", "-c", "tar -C " + dir + " -c . | cat >/dev/null"}) })
		if err != nil {
			return err
		}
		took = append(took, ms)
	}
	b.print(row{name: "tar -c of the same", unit: "ms", values: map[string][]float64{"tar -c": took}})
	return nil
}
