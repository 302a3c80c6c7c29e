package registry

import (
	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
)

// registryConfigDeclaration is the job registry_config.
func (s *Service) registryConfigDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "registry_config", Summary: "Show how registries are reached: mirrors, and which need not prove who they are.",
		Stdout: engine.JSONDocument, Handler: s.jobRegistryConfig,
	}
}

// jobRegistryConfig
//
// Usage:  registry_config
// Stdout: {"config": api.RegistryConfig}.
func (s *Service) jobRegistryConfig(job *engine.Job) error {
	return job.WriteJSON(map[string]*api.RegistryConfig{"config": s.Config()})
}

// Config is what info shows of how registries are reached.
func (s *Service) Config() *api.RegistryConfig {
	conf := &api.RegistryConfig{InsecureRegistryCIDRs: []string{}, IndexConfigs: map[string]api.IndexInfo{}}
	for _, prefix := range s.insecure.nets {
		conf.InsecureRegistryCIDRs = append(conf.InsecureRegistryCIDRs, prefix.String())
	}
	for _, host := range s.insecure.hosts {
		conf.IndexConfigs[host] = s.index(host)
	}
	official := s.index(defaultDomain)
	conf.Mirrors, conf.IndexConfigs[defaultDomain] = official.Mirrors, official
	return conf
}
