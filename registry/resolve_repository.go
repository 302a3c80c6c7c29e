package registry

import (
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/reference"
)

// resolveRepositoryDeclaration is the job resolve_repository.
func (s *Service) resolveRepositoryDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "resolve_repository", Summary: "Say which repository of which registry a name means.",
		Args:   []engine.Arg{{Name: "NAME", Summary: "as people write it: ubuntu, me/app, HOST:PORT/app"}},
		Stdout: engine.JSONDocument, Handler: s.jobResolveRepository,
	}
}

// repositoryInfo is what a name means, as the classic engines said it.
type repositoryInfo struct {
	Index         api.IndexInfo
	RemoteName    string // path at the registry
	LocalName     string // short
	CanonicalName string // with the registry
	Official      bool   // one word at the default registry
}

// jobResolveRepository looks at the name only, and asks nobody.
//
// Usage:  resolve_repository NAME
// Stdout: {"repository": {Index, RemoteName, LocalName, CanonicalName, Official}}.
// Errors: InvalidArgument (the name).
func (s *Service) jobResolveRepository(job *engine.Job) error {
	ref, err := reference.Parse(job.Args[0])
	if err != nil {
		return errdefs.As(errdefs.KindInvalidArgument, err)
	}
	info := repositoryInfo{Index: s.index(ref.Domain), RemoteName: ref.Path, LocalName: ref.FamiliarName(), CanonicalName: ref.Name()}
	if info.Index.Official {
		info.Official = strings.HasPrefix(ref.Path, "library/")
		info.CanonicalName = defaultDomain + "/" + info.LocalName
	}
	return job.WriteJSON(map[string]repositoryInfo{"repository": info})
}
