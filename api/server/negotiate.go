package server

import "strings"

// tellVersion answers what the engine is. Clients choose the version that they
// speak by it, the newest that both know. docker-compose 1 knows no bound of its
// own: it speaks the daemon's newest, and fails with versions that came after its
// end. So it is told of the last one that has all that it reads (images with a
// ContainerConfig), and what it asks for then is answered as that version says.
// See decision 0024.
func tellVersion(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	shapes := shapeVersion()
	if strings.HasPrefix(x.r.UserAgent(), "docker-compose/1.") {
		shapes = append(shapes, since(0, func(m members) { m["ApiVersion"] = v1(44).String() }))
	}
	return x.answerDocument(job, document(shapes...))
}
