package engine

// Declared returns the declaration of what the job runs, without its Handler.
// False: the name is unknown, forwarded, or registered without one, so nothing
// can be said about what the job does.
func (j *Job) Declared() (Declaration, bool) {
	if j.entry == nil || j.entry.decl == nil {
		return Declaration{}, false
	}
	d := j.entry.decl.Declaration
	d.Handler = nil
	return d, true
}

// Permitted asks the authorizer of the engine whether the job may run, as Start
// will. It is for a caller that has to know before it commits itself to an
// answer.
func (j *Job) Permitted() error { return j.authorized() }
