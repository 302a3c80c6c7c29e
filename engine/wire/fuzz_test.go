package wire_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/engine/wire/deflate"
	"github.com/enginejobs/docker/errdefs"
)

func FuzzHello(f *testing.F) {
	f.Add(wire.AppendHello(nil, &wire.Hello{Version: 1, ID: "id", MaxCalls: 3, Window: 4, Inflates: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := wire.ParseHello(b)
		if err != nil || h.Version != wire.Version {
			return
		}
		again, err := wire.ParseHello(wire.AppendHello(nil, h))
		if err != nil || *again != *h {
			t.Errorf("%+v became %+v, %v", h, again, err)
		}
	})
}

func FuzzCall(f *testing.F) {
	f.Add(wire.AppendCall(nil, &wire.Call{Name: "n", Args: []string{"a", ""}, Env: []string{"k", "v"}, Timeout: 5e9, Trace: "t", Parent: "p", Via: []string{"x", "y"}})[4:])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := wire.ParseCall(b)
		if err != nil {
			return
		}
		again, err := wire.ParseCall(wire.AppendCall(nil, c)[4:])
		if err != nil || again.Name != c.Name || !slices.Equal(again.Args, c.Args) || !slices.Equal(again.Env, c.Env) ||
			again.Timeout != c.Timeout || again.Trace != c.Trace || again.Parent != c.Parent || !slices.Equal(again.Via, c.Via) {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
	})
}

func FuzzResult(f *testing.F) {
	f.Add(wire.AppendResult(nil, nil))
	f.Add(wire.AppendResult(nil, &errdefs.Error{Kind: errdefs.KindConflict, Code: -1, Err: errors.New("text")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		result, damaged := wire.ParseResult(b)
		if damaged != nil || result == nil {
			return
		}
		again, damaged := wire.ParseResult(wire.AppendResult(nil, result))
		if damaged != nil || errdefs.KindOf(again) != errdefs.KindOf(result) {
			t.Errorf("%v became %v, %v", result, again, damaged)
		}
	})
}

type readWriter struct {
	io.Reader
	io.Writer
}

func (readWriter) Close() error { return nil }

// FuzzStream reads frames of any bytes, and writes those that it got again.
func FuzzStream(f *testing.F) {
	f.Add(append(hello(), callFrame(1, wire.Call{Name: "echo"})...))
	f.Add(wire.AppendFrame(nil, wire.Frame{Type: wire.FrameData, Payload: make([]byte, 20_000)}))
	f.Add([]byte{3, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0x4b, 0x04, 0x00, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := wire.NewStream(readWriter{bytes.NewReader(b), io.Discard}, wire.StreamOptions{Codec: deflate.Codec{}})
		for {
			got, err := in.Receive()
			if err != nil {
				return
			}
			if len(got.Payload) > wire.MaxPayload || got.Compressed {
				t.Fatalf("a frame of %d bytes", len(got.Payload))
			}
			head, n, err := wire.ParseHeader(wire.AppendFrame(nil, got))
			if err != nil || n != len(got.Payload) || head.Type != got.Type || head.Call != got.Call || head.More != got.More {
				t.Fatalf("%+v became %+v, %v", got, head, err)
			}
		}
	})
}

// FuzzServe speaks any bytes to an engine, after a Hello.
func FuzzServe(f *testing.F) {
	f.Add(bytes.Join([][]byte{callFrame(1, wire.Call{Name: "echo", Args: []string{"a"}}), frame(wire.FrameData, 1, "b"), frame(wire.FrameEOF, 1, "")}, nil))
	f.Add(bytes.Join([][]byte{callFrame(1, wire.Call{Name: "commands"}), frame(wire.FrameCancel, 1, ""), frame(wire.FramePing, 0, ""), frame(wire.FrameGoAway, 0, "")}, nil))
	f.Add(append(frame(wire.FrameWindow, 1, "\x00\x00\x00\x01"), wire.AppendFrame(nil, wire.Frame{Type: wire.FrameCall, More: true, Call: 9, Payload: []byte("\x00\x00\x01\x00x")})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		eng := enginetest.New(t)
		if err := eng.Declare(echo(), engine.Declaration{Name: "fail", Handler: func(*engine.Job) error { return errors.New("no") }}); err != nil {
			t.Fatal(err)
		}
		_, _ = against(t, eng, append(hello(), b...))
	})
}
