package daemon

import (
	"context"
	"slices"
	"sync"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

func (d *Daemon) systemDfDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "system_df", Summary: "Tell how much disk images, containers and volumes use.", Stdout: engine.JSONDocument, Handler: d.jobSystemDf,
		Env: []engine.Key{{Name: "types", Type: engine.List, Summary: "image, container, volume, build-cache (default: all)"}},
	}
}

// usageKinds are the words of types.
var usageKinds = [...]string{"image", "container", "volume", "build-cache"}

// jobSystemDf measures. Nothing else waits for it, and it ends with its caller.
//
// Usage:  system_df
// Env:    types: image, container, volume, build-cache.
// Stdout: one api.DiskUsage.
// Errors: InvalidArgument (types).
func (d *Daemon) jobSystemDf(job *engine.Job) error {
	types := job.GetenvList("types")
	for _, t := range types {
		if !slices.Contains(usageKinds[:], t) {
			return errdefs.InvalidArgument("unknown object type: %s", t)
		}
	}
	usage, err := d.DiskUsage(job.Context(), types)
	if err != nil {
		return err
	}
	return job.WriteJSON(usage)
}

// DiskUsage walks containers and volumes at the same time.
func (d *Daemon) DiskUsage(ctx context.Context, types []string) (*api.DiskUsage, error) {
	wants := func(kind string) bool { return len(types) == 0 || slices.Contains(types, kind) }
	out := &api.DiskUsage{}
	var wg sync.WaitGroup
	var errContainers, errVolumes, errImages, errCaches error
	if wants("container") {
		wg.Go(func() { out.Containers, errContainers = d.containerUsage(ctx) })
	}
	if wants("volume") {
		wg.Go(func() { out.Volumes, errVolumes = d.volumeUsage(ctx) })
	}
	if wants("image") {
		wg.Go(func() { errImages = d.imageUsage(ctx, out) })
	}
	if wants("build-cache") && d.opt.Engine.Has("build_caches") {
		wg.Go(func() { errCaches = d.job(ctx, "build_caches").OutputJSON(&out.BuildCache) })
	}
	wg.Wait()
	for _, err := range []error{ctx.Err(), errContainers, errVolumes, errImages, errCaches} {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *Daemon) containerUsage(ctx context.Context) ([]api.ContainerSummary, error) {
	list := []api.ContainerSummary{}
	for _, c := range d.containers.all() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := c.now()
		row := s.row.get(s).summary
		row.Status = s.status(d.opt.Now())
		rw, root := d.sizes(ctx, s)
		row.SizeRw, row.SizeRootFs = &rw, &root
		list = append(list, row)
	}
	return list, nil
}

func (d *Daemon) volumeUsage(ctx context.Context) ([]api.Volume, error) {
	list := []api.Volume{}
	for _, v := range d.volumes.List() {
		size, err := d.volumes.Size(ctx, v.Name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			size = -1
		}
		row := d.volume(v)
		row.UsageData = &api.VolumeUsage{RefCount: int64(len(d.volumes.Users(v.Name))), Size: size}
		list = append(list, row)
	}
	return list, nil
}

// imageUsage lists images with the number of their containers.
func (d *Daemon) imageUsage(ctx context.Context, out *api.DiskUsage) error {
	job := d.job(ctx, "images")
	job.SetenvBool("shared-size", true)
	if err := job.OutputJSON(&out.Images); err != nil {
		return err
	}
	users := map[string]int64{}
	for _, c := range d.containers.all() {
		users[c.now().rec.Image]++
	}
	for i := range out.Images {
		out.Images[i].Containers = users[out.Images[i].Id]
	}
	out.LayersSize = d.opt.Images.LayersSize()
	return nil
}
