package server

// asUser answers with the document of a job that talks to a registry. Who asks is
// in a header since 1.9.
func asUser(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if auth := x.registryAuth(); auth != "" {
		job.Setenv("authConfig", auth)
	}
	return x.answerDocument(job, document())
}
