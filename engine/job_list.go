package engine

import "github.com/enginejobs/docker/errdefs"

// JobDescription is a job as job_list writes it.
type JobDescription struct {
	Name     string
	Aliases  []string         `json:",omitempty"`
	Summary  string           `json:",omitempty"`
	Usage    string           `json:",omitempty"`
	Args     []ArgDescription `json:",omitempty"`
	Env      []KeyDescription `json:",omitempty"`
	AnyEnv   bool             `json:",omitempty"`
	Stdin    Stream
	Stdout   Stream
	Changes  bool `json:",omitempty"`
	Waits    bool `json:",omitempty"`
	Control  bool `json:",omitempty"`
	Declared bool // false: registered by name alone, so anything goes
}

// ArgDescription is one argument in a JobDescription.
type ArgDescription struct {
	Name     string
	Optional bool   `json:",omitempty"`
	Variadic bool   `json:",omitempty"`
	Secret   bool   `json:",omitempty"`
	Summary  string `json:",omitempty"`
}

// KeyDescription is one env key in a JobDescription.
type KeyDescription struct {
	Name    string
	Type    Type
	Default string `json:",omitempty"`
	Secret  bool   `json:",omitempty"`
	Summary string `json:",omitempty"`
}

// jobListDeclaration is the job that describes jobs.
func jobListDeclaration() Declaration {
	return Declaration{
		Name: "job_list", Summary: "Describe all jobs, or the named ones, as they are declared.",
		Args:   []Arg{{Name: "JOB", Optional: true, Variadic: true, Summary: "a job to describe"}},
		Stdout: JSONDocument, Handler: jobJobList,
	}
}

// jobJobList describes jobs as they are declared.
//
// Usage:  job_list [JOB...]
// Stdout: a JSON array of JobDescription, sorted by name or in the order asked.
// Errors: NotFound when a named job is not registered.
func jobJobList(job *Job) error {
	names := job.Args
	if len(names) == 0 {
		names = job.Eng.Commands()
	}
	list := make([]JobDescription, 0, len(names))
	for _, name := range names {
		d, ok := job.Eng.Describe(name)
		if !ok {
			return errdefs.NotFound("no such job: %s", name)
		}
		list = append(list, d)
	}
	return job.WriteJSON(list)
}

// Describe tells how a name is declared, and whether it is registered at all.
func (e *Engine) Describe(name string) (JobDescription, bool) {
	ent := (*e.entries.Load())[name]
	if ent == nil {
		return JobDescription{}, false
	}
	if ent.decl == nil {
		return JobDescription{Name: name, AnyEnv: true, Stdin: Bytes, Stdout: Bytes}, true
	}
	d := ent.decl
	out := JobDescription{
		Name: d.Name, Aliases: d.Aliases, Summary: d.Summary, Usage: d.usage, AnyEnv: d.AnyEnv,
		Stdin: d.Stdin, Stdout: d.Stdout, Changes: d.Changes, Waits: d.Waits, Control: d.Control, Declared: true,
	}
	for _, a := range d.Args {
		out.Args = append(out.Args, ArgDescription(a))
	}
	for _, k := range d.Env {
		out.Env = append(out.Env, KeyDescription(k))
	}
	return out, true
}
