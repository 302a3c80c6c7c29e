package builder

import (
	"context"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/builder/run"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
)

func (b *Builder) buildPruneDeclaration() engine.Declaration {
	size := func(name, summary string) engine.Key {
		return engine.Key{Name: name, Type: engine.Int, Default: "0", Summary: summary}
	}
	return engine.Declaration{
		Name: "build_prune", Summary: "Remove the caches of builds that nothing uses.", Changes: true,
		Stdout: engine.JSONDocument, Handler: b.jobBuildPrune,
		Env: []engine.Key{
			{Name: "all", Type: engine.Bool, Summary: "accepted: there is one kind of cache, and it is removed in any case"},
			{Name: "filters", Type: engine.JSON, Summary: "name of a filter to its values"},
			size("keep-storage", "bytes that may stay (older name of reserved-space)"),
			size("max-used-space", "remove until no more bytes are used"),
			size("min-free-space", "remove until as many bytes are free on the disk"),
			size("reserved-space", "bytes that may stay"),
		},
	}
}

// jobBuildPrune removes caches of RUN --mount=type=cache, first those that were not
// used for longest. Intermediate images are images: images_prune removes them.
//
// Usage:  build_prune
// Env:    filters: until or unused-for, id, parent, type, description, inuse, shared, private.
// Env:    label, label!: caches have none.
// Env:    all, keep-storage, reserved-space, max-used-space, min-free-space.
// Stdout: one api.BuildPruned.
// Errors: InvalidArgument (filters, sizes).
func (b *Builder) jobBuildPrune(job *engine.Job) error {
	f, err := b.decodeBuildPrune(job)
	if err != nil {
		return err
	}
	removed, bytes, err := b.runner.Prune(job.Context(), f)
	if err != nil {
		return err
	}
	b.pruneEvent(job.Context(), bytes)
	return job.WriteJSON(api.BuildPruned{CachesDeleted: append([]string{}, removed...), SpaceReclaimed: bytes})
}

// cacheFilters are those of build_prune, beside the two for the time.
var cacheFilters = [...]string{"id", "parent", "type", "description", "inuse", "shared", "private"}

func (b *Builder) decodeBuildPrune(job *engine.Job) (run.Filter, error) {
	f := run.Filter{
		Reserved: max(job.GetenvInt64("keep-storage"), job.GetenvInt64("reserved-space")),
		MaxUsed:  job.GetenvInt64("max-used-space"), MinFree: job.GetenvInt64("min-free-space"),
	}
	if min(f.Reserved, f.MaxUsed, f.MinFree, job.GetenvInt64("keep-storage"), job.GetenvInt64("reserved-space")) < 0 {
		return f, errdefs.InvalidArgument("the space that build caches may take must not be negative")
	}
	list, err := filters.Parse(job.Getenv("filters"), append([]string{"label", "label!", "until", "unused-for"}, cacheFilters[:]...)...)
	if err != nil {
		return f, err
	}
	if other := list["unused-for"]; len(other) > 0 {
		if len(list["until"]) > 0 {
			return f, errdefs.InvalidArgument("only one of the filters until and unused-for can be given")
		}
		list["until"] = other
	}
	if f.Until, err = list.Until(b.opt.Now()); err != nil {
		return f, err
	}
	if !list.Labels(nil) {
		f.Match = func(run.Cache) bool { return false } // they have no labels, but system prune has
	}
	for _, name := range cacheFilters {
		values, given := list[name]
		if len(values) > 1 {
			return f, errdefs.InvalidArgument("filter '%s' can only have one value", name)
		}
		if _, err := list.Bool(name, true); err != nil && isBool(name) {
			return f, err
		}
		if given {
			f.Match = both(f.Match, matcher(name, values))
		}
	}
	return f, nil
}

func isBool(name string) bool { return name == "inuse" || name == "shared" || name == "private" }

// both is the conjunction of two conditions, of which the first may be nil.
func both(a, b func(run.Cache) bool) func(run.Cache) bool {
	if a == nil {
		return b
	}
	return func(c run.Cache) bool { return a(c) && b(c) }
}

// matcher is the condition of one filter; without a value it means "is so".
func matcher(name string, values []string) func(run.Cache) bool {
	want := ""
	if len(values) > 0 {
		want = values[0]
	}
	return func(c run.Cache) bool {
		row := cacheRow(c)
		switch name {
		case "id":
			return strings.HasPrefix(row.ID, want)
		case "parent":
			return row.Parent == want
		case "type":
			return row.Type == want
		case "description":
			return row.Description == want
		}
		is := map[string]bool{"inuse": row.InUse, "shared": row.Shared, "private": !row.Shared}[name]
		on := want != "false" && want != "0"
		return is == on
	}
}

func (b *Builder) pruneEvent(ctx context.Context, reclaimed int64) {
	b.event(ctx, "builder", "prune", "", map[string]string{"reclaimed": strconv.FormatInt(reclaimed, 10)})
}

// event tells the journal, where there is one.
func (b *Builder) event(ctx context.Context, typ, action, id string, attributes map[string]string) {
	if !b.opt.Engine.Has("log") {
		return
	}
	job := b.job(context.WithoutCancel(ctx), "log", action, id)
	job.Setenv("type", typ)
	err := job.SetenvJson("attributes", attributes)
	if err == nil {
		err = job.Run()
	}
	if err != nil {
		b.opt.Logf("recording the event %s: %v", action, err)
	}
}
