package builder

import (
	"bytes"
	"context"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// squash makes one layer of all that the build has added to its base.
func (x *building) squash(ctx context.Context, id string) (string, error) {
	args := []string{id}
	if base := x.base(); base != "" {
		args = append(args, base)
	}
	job := x.b.job(ctx, "image_squash", args...)
	var out bytes.Buffer
	job.Stdout.Add(&out)
	if err := job.Run(); err != nil {
		return "", errdefs.As(errdefs.KindOf(err), err)
	}
	return strings.TrimSpace(out.String()), nil
}

// base is the image that the target begins with.
func (x *building) base() string {
	n := x.graph.Target
	for n.Parent != nil {
		n = n.Parent
	}
	return x.results[n].base
}
