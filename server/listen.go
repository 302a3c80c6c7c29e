package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
)

// Listen starts the job serveapi and waits until every address is bound.
// Nothing is served before Accept: the kernel holds early clients back.
func (s *Server) Listen(ctx context.Context) error {
	job := s.eng.Job("serveapi", s.cfg.Hosts...)
	for k, v := range map[string]string{
		"SocketGroup": s.cfg.SocketGroup, "AccessPolicy": s.cfg.Access, "CorsHeaders": s.cfg.CORS, "Tls": flag(s.cfg.TLS.On),
		"TlsVerify": flag(s.cfg.TLS.Verify), "TlsCa": s.cfg.TLS.CA, "TlsCert": s.cfg.TLS.Cert, "TlsKey": s.cfg.TLS.Key,
	} {
		job.Setenv(k, v)
	}
	bound := bufio.NewScanner(job.Stdout.AddPipe())
	if err := job.Start(); err != nil {
		return err
	}
	ready := make(chan bool, 1)
	want := max(len(s.cfg.Hosts), 1)
	go func() { // ends with the job, which closes the pipe
		for n := 0; bound.Scan(); {
			var at struct{ Address string }
			if err := json.Unmarshal(bound.Bytes(), &at); err != nil {
				continue // the job's error says what is wrong
			}
			s.log.Infof("listening on %s", at.Address)
			if n++; n == want {
				ready <- true
			}
		}
		close(ready)
	}()
	select {
	case up := <-ready:
		if !up {
			return job.Wait()
		}
	case <-ctx.Done():
		job.Cancel()
		return errors.Join(ctx.Err(), job.Wait())
	}
	s.serveapi = job
	go func() { // ends with the job, which Close cancels
		err := job.Wait()
		if err == nil {
			err = context.Canceled
		}
		s.failed <- err
	}()
	return nil
}

// Accept opens the doors and tells the init system.
func (s *Server) Accept(ctx context.Context) error {
	if err := s.eng.Job("acceptconnections").SetContext(ctx).Run(); err != nil {
		return err
	}
	s.log.Infof("docker daemon: ready after %v", s.cfg.Now().Sub(s.began))
	return nil
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
