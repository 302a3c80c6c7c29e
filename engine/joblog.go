package engine

// logStart logs that a job was asked for.
func (j *Job) logStart() {
	if logf := j.Eng.settings.Load().logf; logf != nil {
		var t trail
		t.begin(j)
		logf("+job %s #%d", t.call(), j.seq)
	}
}

// ended logs and notes the end of a job, and takes it off the running ones.
func (j *Job) ended(err error) {
	var t trail
	t.begin(j)
	t.end(j, err)
	if logf := j.Eng.settings.Load().logf; logf != nil {
		word := "ERR"
		if !t.failed {
			word = "OK"
		}
		logf("-job %s = %s (%d) #%d", t.call(), word, t.status(), j.seq)
	}
	if late := j.Eng.release(j, &t); late {
		j.Eng.settings.Load().warn("job %s #%d, which was asked to end, has ended now, %v after its start", t.call(), j.seq, t.duration)
	}
	if j.turn != nil {
		j.Eng.turns.done(j.turn, j.caller.Client)
	}
}
