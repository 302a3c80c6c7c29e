package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/runconfig"
)

// Runner runs commands. Make it with New.
type Runner struct {
	opt    Options
	caches *caches
	last   atomic.Uint64 // number of the last scratch directory
}

// New makes a Runner and finds the caches. Nothing is made on disk before it is
// needed.
func New(opt Options) (*Runner, error) {
	if opt.Engine == nil || opt.Root == "" {
		return nil, errdefs.InvalidArgument("running the commands of a build takes an engine and a directory")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logf == nil {
		opt.Logf = func(string, ...any) {}
	}
	r := &Runner{opt: opt}
	var err error
	if r.caches, err = openCaches(filepath.Join(opt.Root, "caches"), opt.Now, opt.Logf); err != nil {
		return nil, err
	}
	return r, nil
}

// Recover clears the mounts and secrets that a killed daemon left. Call it once,
// when the containers have been restored, which removes those of builds, and before
// the first Run.
func (r *Runner) Recover(context.Context) error {
	if err := errors.Join(r.sweep(r.scratchRoot()), r.sweep(r.secretRoot())); err != nil {
		return fmt.Errorf("clearing what an earlier build has left: %w", err)
	}
	return nil
}

// scratchRoot has a directory for each command that needs one while it runs.
func (r *Runner) scratchRoot() string { return filepath.Join(r.opt.Root, "run") }

// secretRoot is the same for what must not be on a disk; "" without a Runtime.
func (r *Runner) secretRoot() string {
	if r.opt.Runtime == "" {
		return ""
	}
	return filepath.Join(r.opt.Runtime, "build")
}

// sweep removes what is below a root of an earlier process.
func (r *Runner) sweep(root string) error {
	if root == "" {
		return nil
	}
	list, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range list {
		err = errors.Join(err, discard(filepath.Join(root, entry.Name())))
	}
	return err
}

// discard unmounts what this package mounts in a scratch directory, and removes it.
func discard(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range list {
		if entry.IsDir() && os.Geteuid() == 0 { // nobody else could have mounted anything
			err = errors.Join(err, mount.Unmount(filepath.Join(dir, entry.Name(), mergedDir)),
				mount.Unmount(filepath.Join(dir, entry.Name())))
		}
	}
	if err != nil {
		return err // what is mounted there still belongs to somebody else
	}
	return os.RemoveAll(dir)
}

// scratch makes a directory of one command's own below root.
func (r *Runner) scratch(root string) (string, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	dir := filepath.Join(root, strconv.FormatUint(r.last.Add(1), 10))
	return dir, os.Mkdir(dir, 0o700)
}

// Run runs one command to its end. Without an error the container still exists:
// it is the caller's to commit and to Remove or Leave. When the context, which is
// the job's or comes from it, ends, the container is killed and removed, and the
// error of the context is the result; a Write to Stdout that blocks at that time may
// still be under way then, and is the last one.
//
// Errors: what create and start say; InvalidArgument for mounts that make no
// sense; NotFound for secrets, agents and sources that are not there.
func (r *Runner) Run(ctx context.Context, req Request) (Result, error) {
	p, err := r.prepare(ctx, &req)
	if err != nil {
		return Result{}, err
	}
	res, err := r.run(ctx, &req, p)
	if derr := p.done(); derr != nil {
		r.opt.Logf("clearing up after a command of a build: %v", derr)
	}
	return res, err
}

// run makes the container of a command whose mounts are ready.
func (r *Runner) run(ctx context.Context, req *Request, p *prepared) (Result, error) {
	id, err := r.create(ctx, req, p)
	if err != nil {
		return Result{}, err
	}
	if req.Started != nil {
		req.Started(id)
	}
	code, err := r.perform(ctx, req, id)
	if err != nil {
		if rerr := r.Remove(ctx, id); rerr != nil {
			r.opt.Logf("%v", rerr)
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Result{}, err
	}
	return Result{Container: id, ExitCode: code, Stubs: p.stubs}, nil
}

// create makes the container: nothing of it is logged, its image's health check does
// not run, and it goes with the daemon unless it is to be kept.
func (r *Runner) create(ctx context.Context, req *Request, p *prepared) (string, error) {
	cfg, host := runconfig.Config{}, runconfig.HostConfig{}
	if req.Config != nil {
		cfg = *req.Config
	}
	if req.Host != nil {
		host = *req.Host
	}
	if len(cfg.Entrypoint) == 0 {
		cfg.Entrypoint = runconfig.Strings{""} // the image's does not count
	}
	cfg.Env, cfg.Labels = slices.Clone(cfg.Env), maps.Clone(cfg.Labels)
	cfg.Healthcheck = &runconfig.Healthcheck{Test: []string{"NONE"}}
	host.LogConfig = runconfig.LogConfig{Type: "none"}
	host.Mounts = slices.Concat(host.Mounts, p.mounts)
	job := r.opt.Engine.Job("create").SetContext(ctx)
	if err := errors.Join(job.SetenvJson("Config", &cfg), job.SetenvJson("HostConfig", &host)); err != nil {
		return "", err
	}
	job.SetenvBool("transient", !req.Keep)
	if len(p.env) > 0 {
		job.SetenvList("hiddenEnv", p.env)
	}
	var made struct{ Id string } //nolint:revive // wire name
	if err := job.OutputJSON(&made); err != nil {
		return "", err
	}
	return made.Id, nil
}

// perform runs the command of a container and returns its exit code, after the last
// of its output was written.
func (r *Runner) perform(ctx context.Context, req *Request, id string) (code int, err error) {
	out := newGate()
	defer out.shut()
	attach := r.opt.Engine.Job("attach", id).SetContext(ctx)
	for _, key := range []string{"stream", "headers", "stdout", "stderr"} {
		attach.SetenvBool(key, true)
	}
	attach.Stdout.Add(out.to(req.Stdout))
	attach.Stderr.Add(out.to(req.Stderr))
	if err := attach.Start(); err != nil {
		return 0, err
	}
	attached := make(chan error, 1)
	go func() { attached <- attach.Wait() }() // ends with the container, or the context
	select {
	case <-out.stands:
	case err := <-attached:
		if err == nil {
			err = errdefs.Internal("attaching to container %s: the attach ended before it began", id)
		}
		return 0, err
	}
	if err := r.opt.Engine.Job("start", id).SetContext(ctx).Run(); err != nil {
		return 0, err
	}
	if code, err = r.wait(ctx, id); err != nil {
		return 0, err
	}
	if err := <-attached; err != nil {
		return 0, err
	}
	out.finish() // nobody writes any more
	select {
	case <-out.done:
		return code, out.fault
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// wait waits for the end of a container.
func (r *Runner) wait(ctx context.Context, id string) (int, error) {
	var ended struct{ StatusCode int }
	err := r.opt.Engine.Job("wait", id).SetContext(ctx).OutputJSON(&ended)
	return ended.StatusCode, err
}

// removal is how long a Remove is waited for: longer than the kernel takes to end
// processes that wait for a disk, and not for ever.
const removal = 20 * time.Second

// Remove kills the container of a Run if it runs, and removes it with its anonymous
// volumes. It does so also when the context has ended. One that is not there is fine.
func (r *Runner) Remove(ctx context.Context, container string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	err := r.remove(ctx, container)
	if err != nil && ctx.Err() == nil && r.opt.Engine.IsShutdown() {
		err = r.remove(ctx, container) // the first was one of the jobs that a shutdown cancels
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("removing the container %s of a build: %w", container, err)
	}
	return nil
}

func (r *Runner) remove(ctx context.Context, container string) error {
	job := r.opt.Engine.Job("rm", container).SetContext(ctx)
	job.SetenvBool("forceRemove", true)
	job.SetenvBool("removeVolume", true)
	return job.Run()
}

// Leave keeps the container of a Run for the user, as that of a failed command is
// when nobody forces its removal: it survives the daemon.
func (r *Runner) Leave(ctx context.Context, container string) error {
	job := r.opt.Engine.Job("container_update", container).SetContext(ctx)
	job.SetenvBool("keep", true)
	job.Stdout.Add(io.Discard)
	return job.Run()
}

// Caches lists the caches, the one last used first. Their sizes are counted.
func (r *Runner) Caches(ctx context.Context) ([]Cache, error) { return r.caches.list(ctx) }

// Prune removes caches and returns their keys and how many bytes they took. It
// stops between two when the context ends.
func (r *Runner) Prune(ctx context.Context, f Filter) (removed []string, bytes int64, err error) {
	return r.caches.prune(ctx, f)
}
