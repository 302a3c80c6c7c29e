package engine

// jobsDeclaration is the job that lists what runs.
func jobsDeclaration() Declaration {
	return Declaration{
		Name: "jobs", Summary: "List the jobs that run or wait for their turn, oldest first.",
		Stdout: JSONDocument, Control: true, Handler: jobJobs,
	}
}

// jobJobs lists the jobs that have started and not ended.
//
// Usage:  jobs
// Stdout: a JSON array of JobInfo, oldest first: ID, Parent, Name, Args, Client,
// Detail, State ("queued", "running", "cancelled", "overdue"), Phase and Started
// (RFC 3339). The job itself is among them. Secret arguments read "***".
func jobJobs(job *Job) error { return job.WriteJSON(job.Eng.Running()) }
