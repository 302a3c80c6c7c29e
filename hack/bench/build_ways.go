package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The large context: as many files as a repository with its dependencies.
const (
	contextFiles = 10_000
	contextBytes = 213_000_000
)

// oldClient is that of dockerd 20.10, which can ask its BuildKit; newer ones want
// more of it than it has.
const oldClient = "/usr/bin/docker"

// buildWays are ours and the peers that are there. Each way ends with close.
func buildWays(ctx context.Context, b *board, dir string) ([]*buildWay, error) {
	var ways []*buildWay
	for _, e := range b.engines {
		switch e := e.(type) {
		case *ours:
			ways = append(ways, &buildWay{
				name: e.name(), cold: []string{"--no-cache"}, close: func() {},
				args: func(args ...string) []string { return e.cli(append([]string{"build"}, args...)...) },
			})
		case *dockerd:
			ways = append(ways, &buildWay{
				name: e.name(), cold: []string{"--no-cache"}, env: []string{"DOCKER_BUILDKIT=0"}, close: func() {},
				args: func(args ...string) []string { return e.cli(append([]string{"build"}, args...)...) },
			})
			if version, err := exec.CommandContext(ctx, oldClient, "--version").Output(); err == nil && strings.Contains(string(version), "version 20.10.") {
				ways = append(ways, &buildWay{
					name: "buildkit", cold: []string{"--no-cache"}, env: []string{"DOCKER_BUILDKIT=1"}, close: func() {},
					args: func(args ...string) []string {
						return append([]string{oldClient, "-H", "unix://" + e.socket(), "build"}, args...)
					},
				})
			}
		}
	}
	buildah, err := buildahWay(ctx, b, filepath.Join(dir, "buildah"))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return ways, nil
	case err != nil:
		fmt.Fprintln(b.out, "buildah is left out:", err)
		return ways, nil
	}
	return append(ways, buildah), nil
}

// buildahWay prepares buildah with a store of its own.
func buildahWay(ctx context.Context, b *board, dir string) (*buildWay, error) {
	if _, err := exec.LookPath("buildah"); err != nil {
		return nil, err
	}
	cli := func(args ...string) []string {
		return append([]string{"buildah", "--root", dir + "/root", "--runroot", dir + "/run", "--storage-driver", "overlay"}, args...)
	}
	way := &buildWay{
		name: "buildah", cold: []string{"--no-cache"},
		// Without a network, which it would set up by programs that few hosts have.
		args: func(args ...string) []string {
			return cli(append([]string{"bud", "--layers", "--network", "none"}, args...)...)
		},
		close: func() {
			for _, target := range mountsBelow(dir) {
				_ = command(context.Background(), []string{"umount", "-l", target})
			}
		},
	}
	said := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
		return string(bytes.TrimSpace(out)), err
	}
	made, err := said(cli("from", "scratch")...)
	if err != nil {
		return nil, err
	}
	if err := command(ctx, cli("add", "-q", made, b.cfg.busybox, "/")); err != nil {
		return nil, err
	}
	return way, errors.Join(command(ctx, cli("config", "--cmd", "sh", made)), command(ctx, cli("commit", "-q", "--rm", made, "localhost/busybox")))
}

// makeContext writes a directory of files with a total size, the same every time.
func makeContext(dir string, files, size int) error {
	random := rand.New(rand.NewPCG(3, 4))
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(random.Uint32())
	}
	mean := size / files
	for i := range files {
		at := filepath.Join(dir, fmt.Sprintf("d%02d", i%100), fmt.Sprintf("s%d", i%7))
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		n := min(mean/2+random.IntN(mean+1), len(block))
		from := random.IntN(len(block) - n + 1)
		if err := os.WriteFile(filepath.Join(at, fmt.Sprintf("f%05d", i)), block[from:from+n], 0o600); err != nil {
			return err
		}
	}
	return nil
}

// commandIn is command with more environment.
func commandIn(ctx context.Context, env, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return nil
}
