package engine

import "github.com/enginejobs/docker/errdefs"

// Status is the result of a job as a number, after the manner of a process.
type Status int

// The values of Status. The engine derives them from the error of the handler.
const (
	StatusOK       Status = 0
	StatusErr      Status = 1
	StatusNotFound Status = 127 // nobody handles this name
)

// StatusOf gives the status that stands for err.
func StatusOf(err error) Status {
	switch {
	case err == nil:
		return StatusOK
	case errdefs.Is(err, errdefs.KindUnknownJob):
		return StatusNotFound
	}
	return StatusErr
}
