package server

import "net/http"

// tagImage runs the job tag. Since 1.22 a name that another image has moves without
// force.
func tagImage(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v >= v1(22) {
		job.SetenvBool("force", true)
	}
	if err := x.run(job); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusCreated)
	return nil
}
