package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Tracer is told of every job that the engine admits, when it starts and when
// it ends. It is called in the goroutine of the job and must not block.
type Tracer interface {
	JobStart(r Record)
	JobEnd(r Record)
}

// Record is what a Tracer learns. Secret arguments and env values are masked;
// of a job without a declaration, every env value is.
type Record struct {
	ID      string
	Parent  string // the id of the parent, or empty
	Name    string
	Args    []string
	Env     map[string]string
	Started time.Time

	// Set in JobEnd only.
	Duration time.Duration
	Status   Status
	Kind     string // the kind of the failure, empty when the job ended well
	Err      error
}

// masked stands for a value that is not shown.
const masked = "***"

func (j *Job) record() Record {
	return Record{
		ID: j.ID(), Parent: j.ParentID(), Name: j.Name, Args: j.visibleArgs(),
		Env: j.visibleEnv(), Started: j.started,
	}
}

func (j *Job) traceStart() {
	s := j.Eng.settings.Load()
	if s.logf != nil {
		s.logf("+job %s #%d", j.call(), j.seq)
	}
	if s.tracer != nil {
		s.tracer.JobStart(j.record())
	}
}

func (j *Job) traceEnd(err error) {
	s := j.Eng.settings.Load()
	if s.logf == nil && s.tracer == nil {
		return
	}
	status := StatusOf(err)
	if s.logf != nil {
		word := "ERR"
		if status == StatusOK {
			word = "OK"
		}
		s.logf("-job %s = %s (%d) #%d", j.call(), word, status, j.seq)
	}
	if s.tracer == nil {
		return
	}
	r := j.record()
	r.Duration, r.Status, r.Err = time.Since(j.started), status, err
	if err != nil {
		r.Kind = errdefs.KindOf(err).String()
	}
	s.tracer.JobEnd(r)
}

// call writes the job as "name(arg1, arg2)".
func (j *Job) call() string { return j.Name + "(" + strings.Join(j.visibleArgs(), ", ") + ")" }

// visibleArgs copies the arguments with the secret ones masked.
func (j *Job) visibleArgs() []string {
	args := slices.Clone(j.Args)
	if j.entry == nil || j.entry.decl == nil || !j.entry.decl.secrets {
		return args
	}
	declared := j.entry.decl.Args
	for i := range args {
		if declared[min(i, len(declared)-1)].Secret {
			args[i] = masked
		}
	}
	return args
}

// visibleEnv copies the env with everything masked that is or may be secret.
func (j *Job) visibleEnv() map[string]string {
	env := j.env.Map()
	for key := range env {
		if j.entry == nil || j.entry.decl == nil {
			env[key] = masked
		} else if k := j.entry.decl.keys[key]; k == nil && !j.entry.decl.AnyEnv || k != nil && k.Secret {
			env[key] = masked
		}
	}
	return env
}
