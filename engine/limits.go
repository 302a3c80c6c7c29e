package engine

// Limits bound how many jobs from outside run at once. Zero means unlimited.
//
// They hold for jobs that have a Caller and no parent on this engine; jobs that
// are declared Waits never count. What the program does on its own account, and
// the children of what runs, are never held up: so a job that waits for others
// cannot wait for itself.
type Limits struct {
	Reads          int // jobs that only read
	Writes         int // jobs that change state, and those without a declaration
	QueuePerClient int // jobs of one client that wait for their turn, per class
}

// SetLimits sets the limits for jobs that start from now on.
func (e *Engine) SetLimits(l Limits) {}
