package server

// containersReply is that of the rows that list containers.
func containersReply() reply {
	r := document(shapeContainers()...)
	r.kind, r.custom = replyCustom, containers
	return r
}

// containers lists containers. Rows say how health checks ended since 1.52.
func containers(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v >= v1(52) {
		job.SetenvBool("health", true)
	}
	rep := row.reply
	rep.kind = replyDocument
	return x.answerDocument(job, rep)
}
