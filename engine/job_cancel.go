package engine

import "github.com/enginejobs/docker/errdefs"

// jobCancelDeclaration is the job that cancels jobs.
func jobCancelDeclaration() Declaration {
	return Declaration{
		Name: "job_cancel", Summary: "Ask running jobs to end.",
		Args:    []Arg{{Name: "ID", Summary: "the id of a job, or the number behind the dot"}, {Name: "MORE", Optional: true, Variadic: true, Summary: "further jobs"}},
		Changes: true, Control: true, Handler: jobJobCancel,
	}
}

// jobJobCancel asks running jobs to end and does not wait for them. A job that
// waits for its turn ends at once; its children are cancelled with it. One that
// ignores this is shown as "cancelled" by the job jobs, and after its grace period
// as "overdue".
//
// What the program does on its own account, such as serving its API, is not for
// callers from outside to end.
//
// Usage:  job_cancel ID [MORE...]
// Args:   the id of a job as the jobs jobs and job_trace show it, or its number.
// Errors: NotFound when no such job runs, Forbidden when it is the program's own;
// the others are cancelled all the same.
func jobJobCancel(job *Job) error {
	var first error
	for _, id := range job.Args {
		if err := job.cancelOther(id); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// cancelOther cancels a job for this one.
func (j *Job) cancelOther(id string) error {
	found, err := j.Eng.findRunning(id)
	if err != nil {
		return err
	}
	if j.Caller() != nil && found.Caller() == nil {
		return errdefs.Forbidden("job %s (%s) is the engine's own work and cannot be cancelled from outside", found.Name, found.ID())
	}
	found.Cancel()
	return nil
}
