package builder

import (
	"encoding/json"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// The ways in which steps are counted.
const (
	stepsOf    = "of"    // Step 1/5 :
	stepsFrom1 = "from1" // Step 1 :
	stepsFrom0 = "from0" // Step 0 :
)

// buildOptions are what is asked of a build.
type buildOptions struct {
	Names                                []string
	Dockerfile, Remote, Target, Platform string
	NoCache, Pull, Squash, Quiet, JSON   bool
	Remove, ForceRemove, IDOnly          bool
	BuildArgs                            map[string]*string
	Labels                               map[string]string
	CacheFrom                            []string
	Secrets                              map[string][]byte
	SSH                                  map[string]string
	Auth, Auths                          json.RawMessage
	Steps                                string
	Isolation                            string
	Host                                 *runconfig.HostConfig // of the containers of RUN

	phase phaser
}

func decodeBuild(job *engine.Job) (buildOptions, error) {
	opt := buildOptions{
		Names: job.GetenvList("t"), Dockerfile: job.Getenv("dockerfile"), Remote: job.Getenv("remote"), Target: job.Getenv("target"),
		Platform: job.Getenv("platform"), NoCache: job.GetenvBool("nocache"), Pull: job.GetenvBool("pull"), Squash: job.GetenvBool("squash"),
		Quiet: job.GetenvBool("q"), JSON: job.GetenvBool("json"), Remove: job.GetenvBool("rm"), ForceRemove: job.GetenvBool("forcerm"),
		Steps: job.Getenv("stepStyle"), IDOnly: job.GetenvBool("idOnly"), Isolation: job.Getenv("isolation"),
	}
	for key, into := range map[string]any{
		"buildargs": &opt.BuildArgs, "labels": &opt.Labels, "cachefrom": &opt.CacheFrom, "secrets": &opt.Secrets, "ssh": &opt.SSH,
		"authConfig": &opt.Auth, "configFile": &opt.Auths,
	} {
		if err := job.GetenvJson(key, into); err != nil {
			return opt, err
		}
	}
	var err error
	opt.Host, err = decodeHost(job)
	return opt, err
}

// decodeHost reads what the containers of RUN may have.
func decodeHost(job *engine.Job) (*runconfig.HostConfig, error) {
	h := &runconfig.HostConfig{
		NetworkMode: job.Getenv("networkmode"), ExtraHosts: job.GetenvList("extrahosts"), SecurityOpt: job.GetenvList("securityopt"),
		ShmSize: job.GetenvInt64("shmsize"),
	}
	h.CgroupParent, h.CpusetCpus, h.CpusetMems = job.Getenv("cgroupparent"), job.Getenv("cpusetcpus"), job.Getenv("cpusetmems")
	h.CpuShares, h.CpuPeriod, h.CpuQuota = job.GetenvInt64("cpushares"), job.GetenvInt64("cpuperiod"), job.GetenvInt64("cpuquota")
	h.Memory, h.MemorySwap = job.GetenvInt64("memory"), job.GetenvInt64("memswap")
	return h, job.GetenvJson("ulimits", &h.Ulimits)
}

// check refuses what contradicts itself, before anything is done.
func (o *buildOptions) check() error {
	switch o.Steps {
	case "":
		o.Steps = stepsOf
	case stepsOf, stepsFrom1, stepsFrom0:
	default:
		return errdefs.InvalidArgument("invalid stepStyle %q: it is one of of, from1 and from0", o.Steps)
	}
	if iso := strings.ToLower(o.Isolation); iso != "" && iso != "default" {
		return errdefs.InvalidArgument("invalid isolation %q: this engine runs Linux containers, which have the isolation default only", o.Isolation)
	}
	if o.Platform != "" {
		system, _, _ := strings.Cut(o.Platform, "/")
		if system != "linux" {
			return errdefs.InvalidArgument("invalid platform %q: this engine builds linux[/ARCHITECTURE[/VARIANT]]", o.Platform)
		}
	}
	if o.ForceRemove {
		o.Remove = true
	}
	return nil
}
