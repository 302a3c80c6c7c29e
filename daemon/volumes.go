package daemon

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
	"github.com/enginejobs/docker/volumes"
)

// volumeDeclarations is the table of the jobs of volumes.
func (d *Daemon) volumeDeclarations() []engine.Declaration {
	one := []engine.Arg{{Name: "VOLUME", Summary: "name"}}
	key := func(name string, t engine.Type, summary string) engine.Key {
		return engine.Key{Name: name, Type: t, Summary: summary}
	}
	return []engine.Declaration{
		{
			Name: "volume_create", Summary: "Make a volume, or find the one of that name.", Changes: true,
			Args: []engine.Arg{{Name: "VOLUME", Optional: true, Summary: "made up when absent"}}, Stdout: engine.JSONDocument, Handler: d.jobVolumeCreate,
			Env: []engine.Key{
				key("driver", engine.String, "who keeps it (default local)"),
				key("labels", engine.JSON, "object of labels"),
				{Name: "options", Type: engine.JSON, Secret: true, Summary: "object of options of the driver: type, o, device; o may hold a password"},
			},
		},
		{
			Name: "volume_inspect", Summary: "Describe a volume.", Args: one, Stdout: engine.JSONDocument, Handler: d.jobVolumeInspect,
		},
		{
			Name: "volume_rm", Summary: "Remove a volume that no container uses, with its content.", Args: one, Changes: true, Handler: d.jobVolumeRm,
			Env: []engine.Key{key("force", engine.Bool, "one that does not exist is no error")},
		},
		{
			Name: "volumes", Summary: "List volumes, by name.", Stdout: engine.JSONDocument, Handler: d.jobVolumes,
			Env: []engine.Key{key("filters", engine.JSON, "name of a filter to its values")},
		},
		{
			Name: "volumes_prune", Summary: "Remove the volumes that no container uses.", Changes: true, Stdout: engine.JSONDocument, Handler: d.jobVolumesPrune,
			Env: []engine.Key{
				key("anonymous", engine.Bool, "only those that nobody has named, unless the filter all says otherwise"),
				key("filters", engine.JSON, "name of a filter to its values"),
			},
		},
	}
}

// jobVolumes lists volumes.
//
// Usage:  volumes
// Env:    filters: dangling, driver, label, name.
// Stdout: one api.VolumeList.
// Errors: InvalidArgument (filters).
func (d *Daemon) jobVolumes(job *engine.Job) error {
	f, err := filters.Parse(job.Getenv("filters"))
	if err != nil {
		return err
	}
	list, err := d.ListVolumes(f)
	if err != nil {
		return err
	}
	return job.WriteJSON(list)
}

// ListVolumes reads memory alone.
func (d *Daemon) ListVolumes(f filters.Filters) (api.VolumeList, error) {
	out := api.VolumeList{Volumes: []api.Volume{}}
	keep, err := d.volumeMatcher(f)
	if err != nil {
		return out, err
	}
	for _, v := range d.volumes.List() {
		if keep(v) {
			out.Volumes = append(out.Volumes, d.volume(v))
		}
	}
	return out, nil
}

// volume is the API's form of a volume.
func (d *Daemon) volume(v *volumes.Volume) api.Volume {
	return api.Volume{
		CreatedAt: v.Created.Format(time.RFC3339), Driver: v.Driver, Labels: v.Labels, Mountpoint: d.volumes.Path(v.Name),
		Name: v.Name, Options: v.Options, Scope: "local",
	}
}

// volumeMatcher makes one test of all filters.
func (d *Daemon) volumeMatcher(f filters.Filters) (func(*volumes.Volume) bool, error) {
	var tests []func(*volumes.Volume) bool
	for name, values := range f {
		if len(values) == 0 {
			continue
		}
		t, err := d.volumeTest(name, values)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return func(v *volumes.Volume) bool {
		for _, t := range tests {
			if !t(v) {
				return false
			}
		}
		return true
	}, nil
}

func (d *Daemon) volumeTest(name string, values []string) (func(*volumes.Volume) bool, error) {
	switch name {
	case "dangling":
		want, err := strconv.ParseBool(values[0])
		if err != nil {
			return nil, errdefs.InvalidArgument("invalid filter 'dangling=%s'", values)
		}
		return func(v *volumes.Volume) bool { return len(d.volumes.Users(v.Name)) == 0 == want }, nil
	case "driver":
		return func(v *volumes.Volume) bool { return slices.Contains(values, v.Driver) }, nil
	case "name":
		return func(v *volumes.Volume) bool {
			return slices.ContainsFunc(values, func(part string) bool { return strings.Contains(v.Name, part) })
		}, nil
	case "label":
		return func(v *volumes.Volume) bool { return hasLabels(v.Labels, values) }, nil
	case "label!":
		return func(v *volumes.Volume) bool { return !hasLabels(v.Labels, values) }, nil
	}
	return nil, errdefs.InvalidArgument("invalid filter '%s'", name)
}

// hasLabels tells whether all of the labels (name, or name=value) are there.
func hasLabels(labels map[string]string, wanted []string) bool {
	for _, w := range wanted {
		name, want, valued := strings.Cut(w, "=")
		got, ok := labels[name]
		if !ok || valued && got != want {
			return false
		}
	}
	return true
}

// volumeEvent tells the journal what happened to a volume.
func (d *Daemon) volumeEvent(ctx context.Context, action, name string, more map[string]string) {
	if !d.opt.Engine.Has("log") {
		return
	}
	attrs := map[string]string{"driver": volumes.DriverLocal}
	for k, v := range more {
		attrs[k] = v
	}
	job := d.job(context.WithoutCancel(ctx), "log", action, name)
	job.Setenv("type", "volume")
	if err := job.SetenvJson("attributes", attrs); err == nil {
		err = job.Run()
		if err != nil {
			d.opt.Logf("recording the event %s of volume %s: %v", action, name, err)
		}
	}
}
