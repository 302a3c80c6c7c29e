package server

import (
	"fmt"
	"net"

	"github.com/enginejobs/docker/engine"
)

// declareAcceptConnections describes the job that opens the doors: listeners
// that serveapi holds back begin to serve, and the init system is told that the
// daemon is ready. Running it again changes nothing.
func (s *Server) declareAcceptConnections() engine.Declaration {
	return engine.Declaration{
		Name:    "acceptconnections",
		Summary: "Let the listeners of serveapi serve, and tell the init system that the daemon is ready.",
		Changes: true,
		Handler: s.jobAcceptConnections,
	}
}

func (s *Server) jobAcceptConnections(*engine.Job) error {
	s.acceptOnce.Do(func() { close(s.accept) })
	if err := s.notify("READY=1"); err != nil {
		s.log.Warnf("telling the init system that the daemon is ready: %v", err)
	}
	return nil
}

// notify sends a state to NOTIFY_SOCKET, if there is one.
func (s *Server) notify(state string) error {
	path := s.opt.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("dialing %s: %w", path, err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}
