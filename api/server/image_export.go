package server

import "github.com/enginejobs/docker/errdefs"

// imagesGet runs the job image_export for several images, in one archive.
func imagesGet(x *exchange, row *route) error {
	values, err := x.values()
	if err != nil {
		return err
	}
	names := values["names"]
	if len(names) == 0 {
		return errdefs.InvalidArgument("no image was named: the parameter names has those to save")
	}
	job := x.job(x.r.Context(), row.job, names...)
	if err := x.setenv(job, row.env); err != nil {
		return err
	}
	return x.direct(job, stream("application/x-tar"))
}
