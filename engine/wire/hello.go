package wire

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

const helloPatience = 10 * time.Second

// keeper is a transport that can give a payload away.
type keeper interface{ keep() *chunk }

// batcher is a transport that sends two frames at once, and lets a sender go
// that would have to wait.
type batcher interface {
	SendPair(f, second *Frame, s *stopper) error
	PokeSenders(s *stopper)
}

// flusher is a transport where a Send may return before its frame is written,
// because somebody else writes it.
type flusher interface{ flush() }

// compressor is a transport that can compress.
type compressor interface {
	inflates() bool
	peerInflates()
}

// cutter is a transport that carries less than MaxPayload in one frame.
type cutter interface{ MaxPayload() int }

// chunkSize is the payload that streams are cut into. With less, a stream of a
// job is slower than half of a plain copy: waking the reader is what costs.
const chunkSize = MaxPayload

func payloadOf(t Transport) int {
	if c, ok := t.(cutter); ok {
		return min(c.MaxPayload(), chunkSize)
	}
	return chunkSize
}

// exchange sends our Hello and waits for that of the peer.
func exchange(t Transport, own *Hello, patience time.Duration) (*Hello, error) {
	if patience <= 0 {
		patience = helloPatience
	}
	timer := time.AfterFunc(patience, func() { _ = t.Close() })
	own.Version = Version
	packs, _ := t.(compressor)
	own.Inflates = packs != nil && packs.inflates()
	sent := make(chan error, 1)
	// Both sides speak first, so neither may wait until it was heard.
	go func() { sent <- t.Send(Frame{Type: FrameHello, Payload: AppendHello(nil, own)}) }()
	peer, err := receiveHello(t)
	if !timer.Stop() && err != nil {
		err = errdefs.Unavailable("the other side did not say hello within %v", patience)
	}
	if err != nil {
		if !errors.Is(err, io.EOF) {
			bid(t, err)
		}
		_ = t.Close() // may be closed already
		<-sent        //nolint:errcheck // err says more
		return nil, err
	}
	if err := <-sent; err != nil {
		return nil, errors.Join(gone(err), t.Close())
	}
	if packs != nil && peer.Inflates {
		packs.peerInflates()
	}
	return peer, nil
}

func receiveHello(t Transport) (*Hello, error) {
	f, err := t.Receive()
	closeAll(f.Files)
	switch {
	case errors.Is(err, errGarbage):
		return nil, errdefs.InvalidArgument("connecting to an engine: %w", err)
	case err != nil:
		return nil, gone(err)
	case f.Type == FrameGoAway:
		return nil, errdefs.Unavailable("the other engine refuses the connection: %s", f.Payload)
	case f.Type != FrameHello || f.More || f.Call != 0:
		return nil, errdefs.InvalidArgument("connecting to an engine: %w", Garbage("the first frame is not Hello"))
	}
	h, err := ParseHello(f.Payload)
	if err != nil {
		return nil, errdefs.InvalidArgument("connecting to an engine: %w", err)
	}
	if h.Version != Version {
		return nil, errdefs.NotImplemented("the other side speaks version %d of the protocol, this engine version %d", h.Version, Version)
	}
	return h, nil
}

// complain tells the peer why the connection ends.
func complain(t Transport, err error) {
	text := err.Error()
	_ = t.Send(Frame{Type: FrameGoAway, Payload: []byte(text[:min(len(text), MaxText)])}) // it may be gone
}

// lastWords is how long a connection that ends waits for what is still to be sent.
const lastWords = time.Second

// bid tells the peer why the connection ends and ends it. A peer that reads
// nothing does not hear it.
func bid(t Transport, err error) {
	timer := time.AfterFunc(lastWords, func() { _ = t.Close() })
	defer timer.Stop()
	complain(t, err)
	flush(t)
	_ = t.Close() // the connection ends here
}

// flush waits until everything that was sent is written, or for lastWords.
func flush(t Transport) {
	f, ok := t.(flusher)
	if !ok {
		return
	}
	timer := time.AfterFunc(lastWords, func() { _ = t.Close() })
	defer timer.Stop()
	f.flush()
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // nobody wrote to it through us
		}
	}
}
