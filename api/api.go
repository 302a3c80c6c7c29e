// Package api owns the wire vocabulary of the HTTP API: versions, JSON
// documents, header and stream-frame constants. It has no behaviour and no
// state. Start reading at Version. It is shared by api/server, api/client and
// the handlers and must import nothing above runconfig.
//
// Handlers always produce the newest shape found here; api/server shapes it
// for the version that the client speaks.
package api

const (
	// Version is the newest API version that the server speaks.
	Version = "1.55"
	// MinVersion is the oldest.
	MinVersion = "1.6"
)

// Media types of streams.
const (
	RawStream         = "application/vnd.docker.raw-stream"
	MultiplexedStream = "application/vnd.docker.multiplexed-stream"
)

// First byte of a multiplexed frame: 8 bytes header (stream, 0, 0, 0, big
// endian length) and the payload.
const (
	FrameStdin byte = iota
	FrameStdout
	FrameStderr
	FrameSystemErr
	FrameHeaderLen = 8
)
