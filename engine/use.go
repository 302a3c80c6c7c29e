package engine

// Use puts wrap around every handler, those registered later included. The first
// one added is the outermost. Jobs made before keep what they had.
func (e *Engine) Use(wrap func(next Handler) Handler) {}

// SetAuthorizer sets who decides which jobs may run. It is asked for jobs that
// have a Caller and no parent on this engine, before they wait for their turn;
// its error fails the job, as Forbidden unless it has the kind Unauthorized. It
// is called in the goroutine of Start or Run and may look at the job, whose
// arguments and env are not checked yet. Nil: everything may run.
func (e *Engine) SetAuthorizer(f func(job *Job) error) {
	e.change(func(s *settings) { s.authorize = f })
}
