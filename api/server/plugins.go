package server

import (
	"io"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// The functions in this file answer for plugins as a Docker engine does that has none.
// No job does anything.

// plugins serves GET /plugins.
func plugins(x *exchange, _ *route) error {
	if err := x.checkFilters("enabled", "capability"); err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.w.WriteHeader(http.StatusOK)
	_, err := io.WriteString(x.w, "[]\n")
	return err
}

// noPlugin answers what is about one.
func noPlugin(x *exchange, _ *route) error {
	return errdefs.NotFound("plugin %q not found", x.vars["name"])
}

// pluginPull answers what would bring one.
func pluginPull(x *exchange, row *route) error {
	param := "remote"
	if row.path == "/plugins/create" {
		param = "name"
	}
	if x.value(param) == "" {
		return errdefs.InvalidArgument("invalid reference format: the parameter %s is missing", param)
	}
	return errdefs.NotImplemented("this engine has no managed plugins: drivers are built in")
}
