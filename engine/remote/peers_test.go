package remote_test

import (
	"io"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
)

// callFrames are the frames of a call without stdin.
func callFrames(b []byte, id uint32, name string, args ...string) []byte {
	b = wire.AppendFrame(b, wire.Frame{Type: wire.FrameCall, Call: id, Payload: wire.AppendCall(nil, &wire.Call{Name: name, Args: args})})
	return wire.AppendFrame(b, wire.Frame{Type: wire.FrameEOF, Call: id})
}

// Peers of a session that never read, or never stop asking, hold what they were
// granted and no more, disturb nobody, and take their jobs along when they go.
func TestSessionPeers(t *testing.T) {
	for name, misbehave := range map[string]func(c *bare){
		"a job whose output is not read": func(c *bare) { _, _ = c.Write(callFrames(nil, 1, "yes")) },
		"a hundred of them": func(c *bare) {
			for id := range uint32(100) {
				_, _ = c.Write(callFrames(nil, id+1, "yes"))
			}
		},
		"more calls than are allowed": func(c *bare) {
			var b []byte
			for id := range uint32(2 * wire.DefaultMaxCalls) {
				b = callFrames(b, id+1, "hang")
			}
			_, _ = c.Write(b)
		},
		"pings without end": func(c *bare) {
			var b []byte
			for range 4096 {
				b = wire.AppendFrame(b, wire.Frame{Type: wire.FramePing})
			}
			_ = c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			for {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		},
		"half a call": func(c *bare) { _, _ = c.Write(callFrames(nil, 1, "echo", "hello")[:30]) },
		"a call, half closed": func(c *bare) {
			_, _ = c.Write(callFrames(nil, 1, "hang"))
			_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		},
	} {
		t.Run(name, func(t *testing.T) {
			eng := newEngine(t)
			srv := serveUnix(t, eng)
			before := memory()
			c, err := openBare(srv.socket)
			if err != nil {
				t.Fatal(err)
			}
			misbehave(c)
			other := dial(t, "unix://"+srv.socket)
			for range 10 {
				if out, err := other.Job("echo", "others").Output(); err != nil || string(out) != "others" {
					t.Errorf("another caller gets %q %v", out, err)
				}
			}
			time.Sleep(50 * time.Millisecond)
			// A hundred windows of output, and room for what tests themselves need.
			if more := memory() - before; more > 64<<20 {
				t.Errorf("it holds %d bytes", more)
			}
			_ = c.Close()
			nothingRuns(t, eng)
		})
	}
}

// A job whose output nobody reads holds itself back, and no other job of the
// same connection.
func TestSlowReader(t *testing.T) {
	for name, connect := range transports {
		t.Run(name, func(t *testing.T) {
			eng := newEngine(t)
			there := connect(t, eng)
			slow := make([]*engine.Job, 5)
			outs := make([]io.ReadCloser, len(slow))
			for i := range slow {
				slow[i] = there.Job("yes")
				outs[i] = slow[i].Stdout.AddPipe()
				if err := slow[i].Start(); err != nil {
					t.Fatal(err)
				}
			}
			for range 50 {
				if out, err := there.Job("echo", "quick").Output(); err != nil || string(out) != "quick" {
					t.Fatalf("beside slow jobs: %q %v", out, err)
				}
			}
			if n, err := io.CopyN(io.Discard, outs[0], 4<<20); err != nil { // it goes on where it was
				t.Errorf("%d bytes: %v", n, err)
			}
			_ = there.Close()
			for i, job := range slow {
				_ = outs[i].Close()
				if err := job.Wait(); err == nil {
					t.Error("a job without its connection went well")
				}
			}
			nothingRuns(t, eng)
		})
	}
}
