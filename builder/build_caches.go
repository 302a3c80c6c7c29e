package builder

import (
	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/builder/run"
	"github.com/enginejobs/docker/engine"
)

func (b *Builder) buildCachesDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "build_caches", Summary: "List the caches of builds, the one last used first.",
		Stdout: engine.JSONDocument, Handler: b.jobBuildCaches,
	}
}

// jobBuildCaches lists what RUN --mount=type=cache has kept, with sizes, which are
// counted now.
//
// Usage:  build_caches
// Stdout: a JSON array of api.BuildCache.
func (b *Builder) jobBuildCaches(job *engine.Job) error {
	list, err := b.runner.Caches(job.Context())
	if err != nil {
		return err
	}
	rows := make([]api.BuildCache, 0, len(list))
	for _, c := range list {
		rows = append(rows, cacheRow(c))
	}
	return job.WriteJSON(rows)
}

// cacheRow is a cache as the API has it.
func cacheRow(c run.Cache) api.BuildCache {
	row := api.BuildCache{
		ID: c.Key, Type: "exec.cachemount", Description: c.Description, InUse: c.InUse, Size: c.Size,
		CreatedAt: c.Created, UsageCount: c.Uses,
	}
	if !c.LastUsed.IsZero() {
		row.LastUsedAt = &c.LastUsed
	}
	return row
}
