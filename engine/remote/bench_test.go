package remote_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
)

func benchEngine(b *testing.B) *served {
	eng := engine.New()
	for name, h := range map[string]engine.Handler{
		"echo": func(job *engine.Job) error { _, err := io.WriteString(job.Stdout, job.Args[0]); return err },
		"cat":  func(job *engine.Job) error { _, err := io.Copy(job.Stdout, job.Stdin); return err },
	} {
		if err := eng.Register(name, h); err != nil {
			b.Fatal(err)
		}
	}
	return serveUnix(b, eng)
}

func BenchmarkSession(b *testing.B) {
	there := dial(b, "unix://"+benchEngine(b).socket)
	b.ReportAllocs()
	for b.Loop() {
		if out, err := there.Job("echo", "hello").Output(); err != nil || len(out) != 5 {
			b.Fatal(err)
		}
	}
}

func BenchmarkSessionParallel(b *testing.B) {
	there := dial(b, "unix://"+benchEngine(b).socket)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if out, err := there.Job("echo", "hello").Output(); err != nil || len(out) != 5 {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkPlain(b *testing.B) {
	srv := benchEngine(b)
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequest("POST", srv.url+"/jobs/echo?a=hello", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set(remote.HeaderProtocol, remote.Protocol)
		res, err := srv.client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.Trailer.Get(remote.HeaderStatus) != "0" {
			b.Fatal(res.Trailer, err)
		}
		_ = res.Body.Close()
	}
}

func BenchmarkSessionStream(b *testing.B) {
	benchStream(b, func(s *served, r io.Reader) (int64, error) {
		there := dial(b, "unix://"+s.socket)
		job := there.Job("cat")
		n := &length{}
		job.Stdout.Add(n)
		if err := job.Stdin.Add(r); err != nil {
			return 0, err
		}
		err := job.Run()
		return n.n, err
	})
}

func BenchmarkPlainStream(b *testing.B) {
	benchStream(b, func(s *served, r io.Reader) (int64, error) {
		req, err := http.NewRequest("POST", s.url+"/jobs/cat", r)
		if err != nil {
			return 0, err
		}
		req.Header.Set(remote.HeaderProtocol, remote.Protocol)
		res, err := s.client.Do(req)
		if err != nil {
			return 0, err
		}
		defer func() { _ = res.Body.Close() }()
		return io.Copy(io.Discard, res.Body)
	})
}

type length struct{ n int64 }

func (l *length) Write(p []byte) (int, error) { l.n += int64(len(p)); return len(p), nil }

func benchStream(b *testing.B, run func(*served, io.Reader) (int64, error)) {
	srv := benchEngine(b)
	block := bytes.Repeat([]byte("x"), 1<<20)
	b.SetBytes(64 << 20)
	for b.Loop() {
		readers := make([]io.Reader, 64)
		for i := range readers {
			readers[i] = bytes.NewReader(block)
		}
		if n, err := run(srv, io.MultiReader(readers...)); err != nil || n != 64<<20 {
			b.Fatal(n, err)
		}
	}
}
