package remote

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/engine/wire/deflate"
	"github.com/enginejobs/docker/errdefs"
)

// keepAlive is how long a session may be silent before we ask whether the other
// side is still there. A caller behind a dead network is noticed after twice that.
const keepAlive = 30 * time.Second

// writeBuffer is what the kernel is to hold of a session on a unix socket while
// its reader is busy: a frame and its overhead. The default is shorter, so that a
// stream would wait in every frame; more is slower again, because what lies there
// falls out of the processor's cache. For TCP the kernel finds the right size.
const writeBuffer = 256 << 10

// upgrade turns a connection of HTTP/1.1 into a session.
func (h *handler) upgrade(w http.ResponseWriter, r *http.Request) {
	if !asks(r.Header, "Upgrade", Upgrade) {
		w.Header().Set("Upgrade", Upgrade)
		refuse(w, r, errdefs.InvalidArgument("upgrading to %s: this engine speaks %s", quote(r.Header.Get("Upgrade")), Upgrade))
		return
	}
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ContentLength != 0 {
		refuse(w, r, errdefs.InvalidArgument("a session by Upgrade begins with a GET of HTTP/1.1 that has no body"))
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, r, errdefs.Internal("taking the connection over: %w", err))
		return
	}
	_ = conn.SetDeadline(time.Time{}) // those of the HTTP server are over
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Upgrade+"\r\n\r\n")
	if err != nil {
		_ = conn.Close()
		return
	}
	h.session(r, upgraded(conn, buffered.Reader), !onUnix(r))
}

// session serves the jobs of one connection until it ends.
func (h *handler) session(r *http.Request, rw io.ReadWriteCloser, compress bool) {
	defer func() { _ = rw.Close() }()
	caller := callerOf(r)
	t := wire.NewStream(rw, wire.StreamOptions{Codec: deflate.Codec{}, Compress: compress})
	// The error says why the peer left. It is told there; here is nobody to tell.
	_ = wire.Serve(r.Context(), h.eng, t, wire.ServeOptions{Caller: &caller, MaxCalls: h.o.MaxCalls, KeepAlive: keepAlive})
}

// bodies serves a session in the two bodies of one request of HTTP/2.
func (h *handler) bodies(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 || r.Method != http.MethodPost {
		refuse(w, r, errdefs.InvalidArgument("a session in bodies is a POST of HTTP/2; on HTTP/1.1 use Upgrade: %s", Upgrade))
		return
	}
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", FramesType)
	w.WriteHeader(http.StatusOK)
	if control.Flush() != nil {
		return
	}
	rw := &streamed{gate: gate{control: control}, r: r.Body, w: w}
	defer rw.detach()
	h.session(r, rw, !onUnix(r))
}

// streamed is the byte stream of a session on HTTP/2.
type streamed struct {
	gate gate // not for package wire: a deadline is expensive here
	r    io.ReadCloser

	turn sync.Mutex // writers take turns, and none comes after detach
	w    io.Writer  // nil: the request is over
}

func (s *streamed) Read(p []byte) (int, error) { return s.r.Read(p) }

// Write sends p at once: the transport above collects small writes.
func (s *streamed) Write(p []byte) (int, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.w == nil {
		return 0, net.ErrClosed
	}
	n, err := s.w.Write(p)
	if err == nil {
		err = s.gate.control.Flush()
	}
	return n, err
}

// Close wakes a Read and a Write that hang.
func (s *streamed) Close() error {
	_ = s.gate.SetWriteDeadline(time.Unix(1, 0))
	return s.r.Close()
}

// detach keeps writers away from a request that is over.
func (s *streamed) detach() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.gate.shut()
	s.w = nil
}

// upgraded is the byte stream of a session on HTTP/1.1: the connection itself,
// which package wire can do most with, unless the reader holds some bytes of it.
func upgraded(conn net.Conn, r *bufio.Reader) io.ReadWriteCloser {
	if u, ok := conn.(*net.UnixConn); ok {
		_ = u.SetWriteBuffer(writeBuffer) // less will do
	}
	held, _ := r.Peek(r.Buffered()) // cannot fail: they are there
	if len(held) == 0 {
		return conn
	}
	c := &resumed{Conn: conn, ahead: bytes.Clone(held)}
	if raw, ok := conn.(syscall.Conn); ok { // for package wire, which writes to the descriptor
		return &struct {
			*resumed
			syscall.Conn
		}{c, raw}
	}
	return c
}

// resumed is a connection together with what was read of it before.
type resumed struct {
	net.Conn
	ahead []byte
}

func (c *resumed) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}
