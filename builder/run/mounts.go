package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/runconfig"
)

// prepared is what the mounts of one command need on this host.
type prepared struct {
	mounts []runconfig.Mount
	env    []string // variables of the command alone
	stubs  []string

	runner  *Runner
	dir     string // scratch directory; "": none
	secrets string // directory of the secrets; "": none
	undo    []func() error
	agents  int // ssh mounts so far
}

// mergedDir is where the overlay of a bind that may be written to is mounted.
const mergedDir = "merged"

// prepare gets the mounts of a command ready. When it fails, nothing is left.
func (r *Runner) prepare(ctx context.Context, req *Request) (_ *prepared, err error) {
	p := &prepared{runner: r}
	if len(req.Mounts) == 0 {
		return p, nil
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.done())
		}
	}()
	mounts := slices.Clone(req.Mounts)
	for i := range mounts {
		if err := p.settle(&mounts[i], req); err != nil {
			return nil, err
		}
	}
	leases, err := p.lease(ctx, mounts)
	if err != nil {
		return nil, err
	}
	for i := range mounts {
		m := &mounts[i]
		switch m.Type {
		case Bind:
			err = p.bind(ctx, m)
		case CacheT:
			p.add(m, leases[i].path)
		case Tmpfs:
			p.tmpfs(m)
		case Secret:
			err = p.secret(m)
		case SSH:
			err = p.agent(m, req)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, p.findStubs(req)
}

// done takes everything back, the last thing first.
func (p *prepared) done() error {
	var err error
	for _, f := range slices.Backward(p.undo) {
		err = errors.Join(err, f())
	}
	p.undo = nil
	return err
}

// settle fills in defaults and refuses what makes no sense.
func (p *prepared) settle(m *Mount, req *Request) error {
	bad := func(format string, args ...any) error {
		return errdefs.InvalidArgument("invalid mount of type %q: "+format, append([]any{m.Type}, args...)...)
	}
	switch m.Type {
	case Bind, CacheT, Tmpfs:
		if m.Target == "" {
			return bad("target must not be empty")
		}
	case Secret:
		if m.ID == "" && m.Target != "" {
			m.ID = path.Base(m.Target)
		}
		if m.ID == "" {
			return bad("it needs an id or a target")
		}
		if m.Target == "" && m.Env == "" {
			m.Target = path.Join("/run/secrets", path.Base(m.ID))
		}
	case SSH:
		m.ID = cmp.Or(m.ID, "default")
		if m.Target == "" {
			m.Target = fmt.Sprintf("/run/buildkit/ssh_agent.%d", p.agents)
		}
		p.agents++
	default:
		return errdefs.InvalidArgument("unsupported mount type %q", m.Type)
	}
	if m.Type == CacheT && m.Sharing != "" && !slices.Contains([]string{Shared, Private, Locked}, m.Sharing) {
		return bad("unsupported sharing mode %q", m.Sharing)
	}
	if m.Size < 0 {
		return bad("size %d is negative", m.Size)
	}
	if strings.ContainsRune(m.Target+m.Source, 0) {
		return bad("a path has a zero byte")
	}
	if m.Target == "" {
		return nil // a secret in the environment alone
	}
	if !path.IsAbs(m.Target) {
		dir := "/"
		if req.Config != nil {
			dir = path.Join("/", req.Config.WorkingDir)
		}
		m.Target = path.Join(dir, m.Target)
	}
	if m.Target = path.Clean(m.Target); m.Target == "/" {
		return bad("target must not be the root directory")
	}
	return nil
}

// lease takes the caches of all mounts, always in the same order, so that two
// commands cannot wait for each other. The result is by index of the mount.
func (p *prepared) lease(ctx context.Context, mounts []Mount) (map[int]*lease, error) {
	type wish struct {
		at   int
		want cacheSpec
	}
	var wishes []wish
	for i, m := range mounts {
		if m.Type == CacheT {
			wishes = append(wishes, wish{i, newCacheSpec(&m)})
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(a.want.key, b.want.key) })
	leases, have := map[int]*lease{}, map[string]*lease{}
	for _, w := range wishes {
		l := have[w.want.key]
		if l == nil { // the same one twice in a command is one
			var err error
			if l, err = p.runner.caches.acquire(ctx, w.want); err != nil {
				return nil, err
			}
			have[w.want.key] = l
			p.undo = append(p.undo, l.release)
		}
		leases[w.at] = l
	}
	return leases, nil
}

// add binds a path of the host.
func (p *prepared) add(m *Mount, source string) {
	p.mounts = append(p.mounts, runconfig.Mount{Type: "bind", Source: source, Target: m.Target, ReadOnly: m.ReadOnly})
}

func (p *prepared) tmpfs(m *Mount) {
	p.mounts = append(p.mounts, runconfig.Mount{Type: "tmpfs", Target: m.Target, ReadOnly: m.ReadOnly, TmpfsOptions: &runconfig.TmpfsOptions{
		SizeBytes: m.Size, Options: [][]string{{"exec"}, {"dev"}}, // programs are built there
	}})
}

// inside finds a path below a directory; links never lead out of it.
func inside(m *Mount) (string, os.FileInfo, error) {
	if m.From == "" {
		return "", nil, errdefs.InvalidArgument("invalid mount of type %q: nothing to take %q from", m.Type, m.Source)
	}
	source, err := securejoin.SecureJoin(m.From, m.Source)
	if err != nil {
		return "", nil, errdefs.InvalidArgument("source %q of the mount at %s: %w", m.Source, m.Target, err)
	}
	info, err := os.Stat(source)
	if err != nil {
		return "", nil, errdefs.NotFound("source %q of the mount at %s: not found", path.Join("/", m.Source), m.Target)
	}
	return source, info, nil
}

// bind shows a path of another place. What may be written is a layer over it or a
// copy, which nobody sees afterwards.
func (p *prepared) bind(ctx context.Context, m *Mount) error {
	source, info, err := inside(m)
	if err != nil {
		return err
	}
	if m.ReadOnly {
		p.add(m, source)
		return nil
	}
	dir, err := p.place()
	if err != nil {
		return err
	}
	if !info.IsDir() {
		copied := filepath.Join(dir, "file")
		if err := copyFile(ctx, source, copied, info); err != nil {
			return fmt.Errorf("copying the source of the mount at %s: %w", m.Target, err)
		}
		p.add(m, copied)
		return nil
	}
	merged := filepath.Join(dir, mergedDir)
	if err := overlay(source, dir, merged); err != nil { // not root, or layers too deep
		if err := errors.Join(os.RemoveAll(merged), os.Mkdir(merged, 0o755)); err != nil {
			return err
		}
		if err := archive.Copy(ctx, source, merged, os.Geteuid() != 0); err != nil {
			return fmt.Errorf("copying the source of the mount at %s: %w", m.Target, err)
		}
	}
	p.add(m, merged)
	return nil
}

// overlay mounts a writable layer over lower. The paths are given as descriptors:
// those of a context may have any bytes in them.
func overlay(lower, dir, merged string) error {
	var options []string
	for _, o := range []struct{ name, path string }{
		{"lowerdir", lower}, {"upperdir", filepath.Join(dir, "upper")}, {"workdir", filepath.Join(dir, "work")},
	} {
		if o.name != "lowerdir" {
			if err := os.Mkdir(o.path, 0o755); err != nil {
				return err
			}
		}
		f, err := os.Open(o.path)
		if err != nil {
			return err
		}
		defer f.Close()
		options = append(options, fmt.Sprintf("%s=/proc/self/fd/%d", o.name, f.Fd()))
	}
	if err := sameMode(lower, filepath.Join(dir, "upper")); err != nil {
		return err
	}
	if err := os.Mkdir(merged, 0o755); err != nil {
		return err
	}
	return mount.Mount{Type: "overlay", Source: "overlay", Options: options}.Perform(merged)
}

// place makes a numbered directory of this command's scratch directory.
func (p *prepared) place() (string, error) {
	if p.dir == "" {
		dir, err := p.runner.scratch(p.runner.scratchRoot())
		if err != nil {
			return "", fmt.Errorf("making a directory for the mounts of a command: %w", err)
		}
		p.dir = dir
		p.undo = append(p.undo, func() error { return discard(dir) })
	}
	return os.MkdirTemp(p.dir, "")
}

// findStubs tells which targets, and directories on the way to them, the image does
// not have. Links of the image are followed as they are for the mounts.
func (p *prepared) findStubs(req *Request) error {
	for _, m := range p.mounts {
		if req.Below == "" {
			p.stubs = append(p.stubs, m.Target)
			continue
		}
		at, err := securejoin.SecureJoin(req.Below, m.Target)
		if err != nil {
			return errdefs.InvalidArgument("target %s of a mount: %w", m.Target, err)
		}
		rel, err := filepath.Rel(req.Below, at)
		if err != nil {
			return err
		}
		for name := path.Join("/", rel); name != "/"; name = path.Dir(name) {
			if _, err := os.Lstat(filepath.Join(req.Below, name)); err == nil || slices.Contains(p.stubs, name) {
				break
			}
			p.stubs = append(p.stubs, name)
		}
	}
	return nil
}
