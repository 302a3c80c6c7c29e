// Package wire is the one protocol between engines: jobs of a Conn are carried
// out by the engine behind Serve on the other side. See the table of frames.
package wire
