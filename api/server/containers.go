package server

// containers lists containers. Rows say how health checks ended since 1.52.
func containers(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v >= v1(52) {
		job.SetenvBool("health", true)
	}
	return x.answerDocument(job, document(shapeContainers()...))
}
