package server

// imagesLoad runs the job load with the body as the archive. Since 1.23 it
// answers with messages, unless the client wants it quiet: before, and then,
// what was loaded is all that is told, or nothing.
func imagesLoad(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	defer x.duplex()() // the job reports while it reads
	if err := job.Stdin.Add(x.r.Body); err != nil {
		return err
	}
	if x.v < v1(23) {
		job.SetenvBool("quiet", true)
		if err := x.run(job); err != nil {
			return err
		}
		x.w.WriteHeader(200)
		return nil
	}
	job.SetenvBool("json", true)
	return x.messages(job)
}
