package engine

import (
	"io"

	"github.com/enginejobs/docker/errdefs"
)

// MaxDocument is how many bytes of a stream this package takes into memory at
// most: of one JSON object for Env.Decode, Decoder, Table.ReadFrom and
// Output.AddEnv, and of all that is written for Output.AddTable,
// Output.AddListTable and Job.Output. What is larger fails; read it as a stream.
const MaxDocument = 64 << 20

// errTooLarge says that a stream does not fit.
func errTooLarge() error {
	return errdefs.InvalidArgument("the data is larger than %d MiB; read it as a stream", MaxDocument>>20)
}

// bounded reads at most left bytes, and then fails instead of ending.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge()
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// capture collects a stream in memory.
type capture struct {
	bytes []byte
	err   error // more came than fits
}

func (c *capture) Write(p []byte) (int, error) {
	if len(c.bytes)+len(p) > MaxDocument {
		c.err = errTooLarge()
		return 0, c.err
	}
	c.bytes = append(c.bytes, p...)
	return len(p), nil
}
