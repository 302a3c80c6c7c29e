// Package logdrivers finds the format of a logging driver by its name. It is the
// only place where all of them meet, and has no state. It must import nothing of
// this module but logdriver and its formats.
package logdrivers

import (
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/logdriver/jsonfile"
	"github.com/enginejobs/docker/logdriver/local"
)

// Format gives the format of a driver; nil for one that writes nothing.
func Format(driver string) (logdriver.Format, error) {
	switch driver {
	case logdriver.JSONFile:
		return jsonfile.Format{}, nil
	case logdriver.Local:
		return local.Format{}, nil
	case logdriver.None, "":
		return nil, nil
	}
	return nil, errdefs.InvalidArgument("logger: no log driver named '%s' is registered", driver)
}
