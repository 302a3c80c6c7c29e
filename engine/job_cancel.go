package engine

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
// Usage:  job_cancel ID [MORE...]
// Args:   the id of a job as the jobs jobs and job_trace show it, or its number.
// Errors: NotFound when no such job runs; the others are cancelled all the same.
func jobJobCancel(job *Job) error {
	var first error
	for _, id := range job.Args {
		if err := job.Eng.CancelJob(id); err != nil && first == nil {
			first = err
		}
	}
	return first
}
