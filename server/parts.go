package server

import "github.com/enginejobs/docker/graphdb"

// parts are the concrete parts that have come up; each step fills its own.
type parts struct {
	id    string // of this daemon, from its key
	names *graphdb.DB
}
