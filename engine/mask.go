package engine

import (
	"slices"
	"strings"
)

// masked stands for a value that is not shown.
const masked = "***"

func (j *Job) traceStart() {
	if logf := j.Eng.settings.Load().logf; logf != nil {
		logf("+job %s #%d", j.call(), j.seq)
	}
}

func (j *Job) traceEnd(err error) {
	logf := j.Eng.settings.Load().logf
	if logf == nil {
		return
	}
	status, word := StatusOf(err), "ERR"
	if status == StatusOK {
		word = "OK"
	}
	logf("-job %s = %s (%d) #%d", j.call(), word, status, j.seq)
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
