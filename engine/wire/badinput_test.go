package wire_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/engine/wire/deflate"
	"github.com/enginejobs/docker/errdefs"
)

func hello() []byte {
	return wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHello, Payload: wire.AppendHello(nil, &wire.Hello{Version: wire.Version, Window: 1000})})
}

func frame(kind byte, call uint32, payload string) []byte {
	return wire.AppendFrame(nil, wire.Frame{Type: kind, Call: call, Payload: []byte(payload)})
}

func callFrame(id uint32, c wire.Call) []byte {
	return wire.AppendFrame(nil, wire.Frame{Type: wire.FrameCall, Call: id, Payload: wire.AppendCall(nil, &c)})
}

// against serves an engine to raw bytes and returns what it answered until it
// ended the connection.
func against(t testing.TB, eng *engine.Engine, raw []byte) (answer []byte, served error) {
	t.Helper()
	a, b := sockets(t)
	over := make(chan error, 1)
	go func() {
		over <- wire.Serve(context.Background(), eng, wire.NewStream(b, wire.StreamOptions{Codec: deflate.Codec{}}), wire.ServeOptions{Hello: time.Second})
	}()
	go func() {
		_, _ = a.Write(raw)
		_ = a.(*net.UnixConn).CloseWrite()
	}()
	_ = a.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(a)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Fatalf("the connection hangs after %q", answer)
	}
	_ = a.Close()
	select {
	case served = <-over:
	case <-time.After(5 * time.Second):
		t.Fatal("Serve hangs")
	}
	return answer, served
}

func TestBadPeers(t *testing.T) {
	eng := enginetest.New(t)
	if err := eng.Declare(echo()); err != nil {
		t.Fatal(err)
	}
	two := binary.BigEndian.AppendUint32(nil, 2)
	for what, c := range map[string]struct {
		raw  []byte
		says string // in a GoAway or in the error
	}{
		"http":                {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "not the frame protocol"},
		"nothing":             {nil, ""},
		"half a header":       {hello()[:7], ""},
		"another version":     {frame(wire.FrameHello, 0, string(two)), "version 2"},
		"a call first":        {callFrame(1, wire.Call{Name: "echo"}), "not Hello"},
		"damaged hello":       {frame(wire.FrameHello, 0, "\x00\x00\x00\x01\xff\xff\xff\xff"), "damaged"},
		"hello of no number":  {frame(wire.FrameHello, 0, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x06window\x00\x00\x00\x01x"), "window"},
		"unknown type":        {append(hello(), frame(13, 0, "")...), "type 13"},
		"unknown flag":        {append(hello(), 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), "unknown flags"},
		"too long a frame":    {append(hello(), 3, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff), "4294967295 bytes"},
		"damaged call":        {append(hello(), frame(wire.FrameCall, 1, "\x00\x00\x00\x05\x00\x00\x00\x09a")...), "damaged"},
		"wrong length":        {append(hello(), frame(wire.FrameCall, 1, "\x00\x00\x00\x09a")...), "says it has"},
		"window overrun":      {bytes.Join([][]byte{hello(), callFrame(1, wire.Call{Name: "hang"}), bytes.Repeat(frame(wire.FrameData, 1, strings.Repeat("x", 100_000)), 3)}, nil), "are allowed"},
		"the same call twice": {bytes.Join([][]byte{hello(), callFrame(1, wire.Call{Name: "hang"}), callFrame(1, wire.Call{Name: "hang"})}, nil), "twice"},
		"a result":            {append(hello(), frame(wire.FrameResult, 1, "")...), "only the called side"},
		"a window of 3 bytes": {bytes.Join([][]byte{hello(), callFrame(1, wire.Call{Name: "hang"}), frame(wire.FrameWindow, 1, "abc")}, nil), "Window frame of 3"},
		"bad compression":     {append(hello(), 3, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff), "inflate"},
	} {
		hang := func(job *engine.Job) error { <-job.Context().Done(); return job.Context().Err() }
		eng.Replace("hang", hang)
		answer, err := against(t, eng, c.raw)
		text := string(answer)
		if err != nil {
			text += err.Error()
		}
		if !strings.Contains(text, c.says) {
			t.Errorf("%s: the answer is %q, %v; want %q", what, answer, err, c.says)
		}
	}
}

// A call that says it is too long is refused by its first four bytes; what comes
// of it is dropped, and the connection lives on.
func TestTooLongACallIsRefusedUnread(t *testing.T) {
	eng := enginetest.New(t)
	if err := eng.Declare(echo()); err != nil {
		t.Fatal(err)
	}
	raw := hello()
	long := wire.AppendFrame(nil, wire.Frame{Type: wire.FrameCall, More: true, Call: 1, Payload: []byte("\x7f\xff\xff\xff" + strings.Repeat("x", 1000))})
	raw = append(raw, long...)
	raw = append(raw, bytes.Repeat(wire.AppendFrame(nil, wire.Frame{Type: wire.FrameCall, More: true, Call: 1, Payload: make([]byte, 200_000)}), 100)...)
	raw = append(raw, callFrame(2, wire.Call{Name: "echo", Args: []string{"still here"}})...)
	raw = append(raw, frame(wire.FrameEOF, 2, "")...)
	a, b := sockets(t)
	over := make(chan error, 1)
	go func() {
		over <- wire.Serve(t.Context(), eng, wire.NewStream(b, wire.StreamOptions{}), wire.ServeOptions{})
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() { _, _ = a.Write(raw) }()
	in := wire.NewStream(a, wire.StreamOptions{})
	var refusal, text string
	for refusal == "" || text == "" {
		f, err := in.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case f.Type == wire.FrameResult && f.Call == 1:
			err, _ := wire.ParseResult(f.Payload)
			if !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("got %v", err)
			}
			refusal = err.Error()
		case f.Type == wire.FrameOut && f.Call == 2:
			text = string(f.Payload)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 12<<20 {
		t.Errorf("%d bytes were allocated for 20 MB that nobody wanted", grown)
	}
	if text != "still here" {
		t.Errorf("got %q", text)
	}
	_ = in.Close()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// A caller on a peer that is no engine gets one clear error.
func TestBadServers(t *testing.T) {
	for what, raw := range map[string]string{
		"not the frame protocol": "HTTP/1.1 400 Bad Request\r\n\r\n", "version 9": string(frame(wire.FrameHello, 0, "\x00\x00\x00\x09")),
		"refuses the connection: full": string(frame(wire.FrameGoAway, 0, "full")), "is gone": "",
	} {
		a, b := sockets(t)
		go func() {
			_, _ = io.WriteString(b, raw)
			_ = b.(*net.UnixConn).CloseWrite()
			_, _ = io.Copy(io.Discard, b)
			_ = b.Close()
		}()
		_, err := wire.NewConn(wire.NewStream(a, wire.StreamOptions{}), wire.ConnOptions{})
		if err == nil || !strings.Contains(err.Error(), what) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", what, err)
		}
	}
	a, b := sockets(t)
	defer b.Close()
	if _, err := wire.NewConn(wire.NewStream(a, wire.StreamOptions{}), wire.ConnOptions{Hello: 50 * time.Millisecond}); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("a silent one: %v", err)
	}
}

// A peer that reads nothing: a call can be left all the same, and the connection
// ends when the time for a write is over.
func TestPeerThatReadsNothing(t *testing.T) {
	a, b := sockets(t)
	defer b.Close()
	if _, err := b.Write(wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHello,
		Payload: wire.AppendHello(nil, &wire.Hello{Version: wire.Version, MaxCalls: 10, Window: 1 << 30})})); err != nil {
		t.Fatal(err)
	}
	conn, err := wire.NewConn(wire.NewStream(a, wire.StreamOptions{WriteTimeout: 2 * time.Second}), wire.ConnOptions{Grace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	eng := enginetest.New(t)
	eng.RegisterCatchall(conn.Handle)
	over := make(chan error, 2)
	flood := eng.Job("flood")
	if err := flood.Stdin.Add(&zeros{1 << 30}); err != nil {
		t.Fatal(err)
	}
	go func() { over <- flood.Run() }()
	time.Sleep(50 * time.Millisecond) // the socket is full
	for _, size := range []int{10, 3 << 20} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		begin := time.Now()
		if err := eng.Job("x", strings.Repeat("a", size)).SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindDeadline) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(begin); d > time.Second {
			t.Errorf("leaving took %v", d)
		}
		cancel()
	}
	if err := <-over; !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("got %v", err)
	}
	<-conn.Done()
}

// The same where a write cannot be done without waiting, as on TLS and HTTP/2: the
// call that hangs in it is left, and the connection with it.
func TestWriteThatHangs(t *testing.T) {
	a, b := sockets(t)
	defer b.Close()
	if _, err := b.Write(wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHello,
		Payload: wire.AppendHello(nil, &wire.Hello{Version: wire.Version, MaxCalls: 10, Window: 1 << 30})})); err != nil {
		t.Fatal(err)
	}
	opaque := &noticing{ReadWriteCloser: a, began: make(chan struct{})}
	conn, err := wire.NewConn(wire.NewStream(opaque, wire.StreamOptions{}), wire.ConnOptions{Grace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	eng := enginetest.New(t)
	eng.RegisterCatchall(conn.Handle)
	job := eng.Job("x", strings.Repeat("a", 3<<20))
	over := make(chan error, 1)
	go func() { over <- job.Run() }()
	<-opaque.began
	begin := time.Now()
	job.Cancel()
	if err := <-over; !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("leaving took %v", d)
	}
	<-conn.Done()
}

// noticing is a byte stream that says when a long write has begun, which the
// buffers of a socket do not hold.
type noticing struct {
	io.ReadWriteCloser
	once  sync.Once
	began chan struct{}
}

func (n *noticing) Write(p []byte) (int, error) {
	if len(p) > 100<<10 {
		n.once.Do(func() { close(n.began) })
	}
	return n.ReadWriteCloser.Write(p)
}

// A call that is cancelled before all its parts are there gets its answer, and
// what still comes of it is no offence.
func TestCancelledInParts(t *testing.T) {
	a, b := sockets(t)
	over := make(chan error, 1)
	go func() {
		over <- wire.Serve(t.Context(), enginetest.New(t), wire.NewStream(b, wire.StreamOptions{}), wire.ServeOptions{})
	}()
	frames := wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHello, Payload: wire.AppendHello(nil, &wire.Hello{Version: wire.Version, MaxCalls: 10, Window: 1 << 20})})
	for id := uint32(1); id <= 100; id++ { // more than may be under way at once
		for _, f := range []wire.Frame{
			{Type: wire.FrameCall, More: true, Payload: []byte{0, 0, 1, 0, 1, 2, 3}},
			{Type: wire.FrameCancel}, {Type: wire.FrameCall, More: true, Payload: make([]byte, 100)}, {Type: wire.FrameCancel}, {Type: wire.FrameCall},
		} {
			f.Call = id
			frames = wire.AppendFrame(frames, f)
		}
	}
	if _, err := a.Write(frames); err != nil {
		t.Fatal(err)
	}
	in := wire.NewStream(a, wire.StreamOptions{})
	for results := 0; results < 100; {
		f, err := in.Receive()
		if err != nil {
			t.Fatalf("after %d results: %v", results, err)
		}
		if f.Type == wire.FrameResult {
			results++
			if result, err := wire.ParseResult(f.Payload); err != nil || !errors.Is(result, context.Canceled) {
				t.Fatalf("got %v, %v", result, err)
			}
		}
	}
	if err := errors.Join(in.Close(), <-over); err != nil {
		t.Error(err)
	}
}
