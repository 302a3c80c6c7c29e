package server

// insert serves POST /images/{name}/insert, of clients before API 1.12.
func insert(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	job.SetenvBool("json", true)
	return x.messages(job)
}
