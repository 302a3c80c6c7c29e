package wire_test

import (
	"io"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
)

func echo() engine.Declaration {
	return engine.Declaration{
		Name: "echo", Args: []engine.Arg{{Name: "A", Optional: true, Variadic: true}}, Stdin: engine.Bytes, Stdout: engine.Bytes,
		Handler: func(job *engine.Job) error {
			for _, a := range job.Args {
				if _, err := io.WriteString(job.Stdout, a); err != nil {
					return err
				}
			}
			_, err := io.Copy(job.Stdout, job.Stdin)
			return err
		},
	}
}

func BenchmarkUnary(b *testing.B) {
	s := serve(b, wire.ServeOptions{}, wire.ConnOptions{}, echo())
	b.ReportAllocs()
	for b.Loop() {
		if err := s.near.Job("echo").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnaryEcho(b *testing.B) {
	s := serve(b, wire.ServeOptions{}, wire.ConnOptions{}, echo())
	b.ReportAllocs()
	for b.Loop() {
		if out, err := s.near.Job("echo", "hello").Output(); err != nil || string(out) != "hello" {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnaryParallel(b *testing.B) {
	s := serve(b, wire.ServeOptions{}, wire.ConnOptions{}, echo())
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if out, err := s.near.Job("echo", "hello").Output(); err != nil || string(out) != "hello" {
				b.Error(err)
				return
			}
		}
	})
}

// zeros is a source of n bytes.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.n))
	z.n -= int64(n)
	return n, nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

const gib = 1 << 30

func BenchmarkStreamJob(b *testing.B) {
	s := serve(b, wire.ServeOptions{}, wire.ConnOptions{}, echo())
	b.SetBytes(gib)
	for b.Loop() {
		job := s.near.Job("echo")
		if err := job.Stdin.Add(&zeros{gib}); err != nil {
			b.Fatal(err)
		}
		var c counter
		job.Stdout.Add(&c)
		if err := job.Run(); err != nil || c.n != gib {
			b.Fatal(err, c.n)
		}
	}
}

// BenchmarkStreamPlain is what a socket can do.
func BenchmarkStreamPlain(b *testing.B) {
	b.SetBytes(gib)
	for b.Loop() {
		x, y := sockets(b)
		go func() { _, _ = io.Copy(y, y); _ = y.Close() }()
		go func() {
			_, _ = io.Copy(x, &zeros{gib})
			_ = x.(interface{ CloseWrite() error }).CloseWrite()
		}()
		var c counter
		if _, err := io.Copy(&c, x); err != nil || c.n != gib {
			b.Fatal(err, c.n)
		}
		_ = x.Close()
	}
}

// BenchmarkPingPong is the least that a unary call can cost.
func BenchmarkPingPong(b *testing.B) {
	x, y := sockets(b)
	defer x.Close()
	go func() { _, _ = io.Copy(struct{ io.Writer }{y}, struct{ io.Reader }{y}); _ = y.Close() }()
	buf := make([]byte, 100)
	for b.Loop() {
		if _, err := x.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(x, buf); err != nil {
			b.Fatal(err)
		}
	}
}
