package server

import "net/http"

// wait runs the job wait. Since 1.30 the head of the answer goes out as soon as
// the wait stands, so that a client can be sure not to miss the end of what it
// starts next; the job says so with a write of no bytes.
func wait(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v >= v1(30) {
		job.SetenvBool("headers", true)
	}
	out := &sink{w: x.w, code: http.StatusOK, media: "application/json", flush: x.v >= v1(30)}
	job.Stdout.Add(out)
	if err := x.run(job); err != nil {
		return err
	}
	out.begin()
	return nil
}
