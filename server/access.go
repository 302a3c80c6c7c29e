package server

import (
	"context"
	"encoding/json"
	"os"
	"strconv"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/access"
)

// Limits of jobs that clients ask for, where the configuration names none. They
// are far above what a host can do at once and far below what would exhaust its
// memory: a job that runs or waits costs some tens of kilobytes, and the answer
// of a reading one is in memory as a whole.
const (
	DefaultMaxReads  = 512
	DefaultMaxWrites = 1024
	// queuePerClient is how many jobs of one client may wait for their turn, of
	// those that read and of those that write. Beyond it they are Unavailable.
	queuePerClient = 4096
)

// SetAccess says who may run which job, and how many of them at a time. Without
// a policy everybody who reaches a listener may run everything.
func (s *Server) SetAccess(context.Context) error {
	s.eng.SetLimits(engine.Limits{
		Reads: s.cfg.MaxReads, Writes: s.cfg.MaxWrites, QueuePerClient: queuePerClient,
	})
	if s.cfg.Access == "" {
		return nil
	}
	return s.loadAccess()
}

func (s *Server) loadAccess() error {
	policy, err := access.Load(s.cfg.Access)
	if err != nil {
		return err
	}
	s.eng.SetAuthorizer(policy.Authorize)
	s.log.Infof("access policy %s: %d rules", policy.Name(), policy.Rules())
	return nil
}

// reload reads the access policy again. One that cannot be read changes nothing:
// the rules that were in force stay in force.
func (s *Server) reload() {
	if s.cfg.Access == "" {
		s.log.Infof("there is nothing to reload: no access policy is named")
	} else if err := s.loadAccess(); err != nil {
		s.log.Errorf("%v; the access policy of before stays in force", err)
		return
	}
	s.tellReload()
}

// tellReload tells the journal what is in force now.
func (s *Server) tellReload() {
	name, _ := os.Hostname()
	attributes := map[string]string{
		"name": name, "debug": strconv.FormatBool(s.cfg.Debug), "labels": listed(s.cfg.Labels), "live-restore": strconv.FormatBool(s.cfg.LiveRestore),
		"registry-mirrors": listed(s.cfg.Registries.Mirrors), "insecure-registries": listed(s.cfg.Registries.Insecure),
		"shutdown-timeout": strconv.Itoa(int(s.cfg.ShutdownTimeout.Seconds())),
	}
	job := s.eng.Job("log", "reload", s.parts.id)
	job.Setenv("type", "daemon")
	err := job.SetenvJson("attributes", attributes)
	if err == nil && s.eng.Has("log") {
		err = job.Run()
	}
	if err != nil {
		s.log.Errorf("recording the event reload: %v", err)
	}
}

// listed is a list as events have it: JSON, and never null.
func listed(list []string) string {
	text, _ := json.Marshal(append([]string{}, list...)) // strings always marshal
	return string(text)
}
