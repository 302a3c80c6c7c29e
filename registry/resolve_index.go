package registry

import (
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// resolveIndexDeclaration is the job resolve_index.
func (s *Service) resolveIndexDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "resolve_index", Summary: "Say how a registry is reached.",
		Args:   []engine.Arg{{Name: "NAME", Summary: "HOST or HOST:PORT; docker.io is the default registry"}},
		Stdout: engine.JSONDocument, Handler: s.jobResolveIndex,
	}
}

// jobResolveIndex looks at the name only, and asks nobody.
//
// Usage:  resolve_index NAME
// Stdout: {"index": {Name, Mirrors, Secure, Official}}.
// Errors: InvalidArgument (the name).
func (s *Service) jobResolveIndex(job *engine.Job) error {
	host := hostOf(job.Args[0])
	if strings.ContainsAny(host, " \t\r\n@?#") {
		return errdefs.InvalidArgument("Invalid index name (%s)", printable(host))
	}
	return job.WriteJSON(map[string]api.IndexInfo{"index": s.index(host)})
}

// index is how a registry is reached.
func (s *Service) index(domain string) api.IndexInfo {
	info := api.IndexInfo{Name: domain, Mirrors: []string{}, Secure: !s.insecure.has(domain), Official: domain == defaultDomain}
	if info.Official {
		for _, mirror := range s.mirrors {
			info.Mirrors = append(info.Mirrors, mirror.String()+"/")
		}
	}
	return info
}
