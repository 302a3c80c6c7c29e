package server

import (
	"context"
	"path/filepath"

	"github.com/enginejobs/docker/graphdb"
)

// OpenNames opens the database of names and links. The daemon checks it against
// the containers it finds.
func (s *Server) OpenNames(context.Context) error {
	db, err := graphdb.Open(filepath.Join(s.cfg.Root, "linkgraph.db"))
	if err != nil {
		return err
	}
	if moved := db.Moved(); moved != "" {
		s.log.Warnf("the database of names was damaged: it is now %s, and names are made anew from the containers", moved)
	}
	s.parts.names = db
	s.eng.OnShutdown("names", func(context.Context) error { return db.Close() })
	return nil
}
