package daemon

import (
	"maps"
	"path/filepath"

	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/runconfig"
)

// mergeLog gives a container that names no driver that of the daemon, and one
// with the daemon's driver those of its options that it does not set itself.
func (d *Daemon) mergeLog(cfg *runconfig.LogConfig) {
	if cfg.Type == "" {
		cfg.Type = d.opt.LogDriver
	}
	opts := map[string]string{}
	if cfg.Type == d.opt.LogDriver {
		maps.Copy(opts, d.opt.LogOpts)
	}
	maps.Copy(opts, cfg.Config)
	cfg.Config = opts
}

// logSpec says how the output of a container is logged. It is checked when the
// container is created; an error here means that its file was edited.
func (c *container) logSpec(s *snapshot) (logdriver.Spec, error) {
	cfg := s.host.LogConfig
	spec, err := logdriver.Parse(cfg.Type, cfg.Config)
	if err != nil {
		return spec, err
	}
	spec.Path = c.logFile(spec.Driver)
	if spec.Driver != logdriver.JSONFile {
		return spec, nil
	}
	spec.Attrs, err = logdriver.Attributes(cfg.Config, &logdriver.Subject{
		ID: c.id, Name: s.bare(), ImageID: s.rec.Image, ImageName: s.rec.Config.Image,
		DaemonName: "docker", Command: s.rec.Path, Labels: s.rec.Config.Labels, Env: s.rec.Config.Env,
	})
	return spec, err
}

// logFile is where a driver writes; "" for one that does not.
func (c *container) logFile(driver string) string {
	switch driver {
	case logdriver.JSONFile, "":
		return c.path(c.id + "-json.log")
	case logdriver.Local:
		return filepath.Join(c.path("local-logs"), "container.log")
	}
	return ""
}

// logPath is what inspect shows: the file of a json-file log.
func (c *container) logPath(s *snapshot) string {
	if t := s.host.LogConfig.Type; t != "" && t != logdriver.JSONFile {
		return ""
	}
	return c.logFile(logdriver.JSONFile)
}
