package engine

// commandsDeclaration is the job that tells what the engine can do.
func commandsDeclaration() Declaration {
	return Declaration{
		Name: "commands", Summary: "List the names of all jobs, one per line.",
		Stdout: Bytes, Handler: jobCommands,
	}
}

// jobCommands lists the names of all jobs.
//
// Usage:  commands
// Stdout: every registered name in bytewise order, each followed by a newline.
// A catch-all is not listed.
func jobCommands(job *Job) error {
	var out []byte
	for _, name := range job.Eng.Commands() {
		out = append(append(out, name...), '\n')
	}
	_, err := job.Stdout.Write(out)
	return err
}
