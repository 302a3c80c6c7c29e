package daemon

import (
	"bytes"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// defaultDetach is ctrl-p,ctrl-q.
var defaultDetach = []byte{16, 17}

// parseDetachKeys is runconfig.ParseDetachKeys with the default.
func parseDetachKeys(text string) ([]byte, error) {
	keys, err := runconfig.ParseDetachKeys(text)
	if err != nil {
		return nil, errdefs.As(errdefs.KindInvalidArgument, err)
	}
	if keys == nil {
		return defaultDetach, nil
	}
	return keys, nil
}

// detector finds the detach keys in a stream of input. What might be the
// beginning of the sequence is held back until the next byte decides.
type detector struct {
	keys []byte
	held int // how many of keys have matched
}

// feed takes input and returns what to pass on, and whether the sequence was
// completed; what came after it is dropped.
func (d *detector) feed(p []byte) (pass []byte, detach bool) {
	if len(d.keys) == 0 || d.held == 0 && bytes.IndexByte(p, d.keys[0]) < 0 {
		return p, false
	}
	for _, b := range p {
		for d.held > 0 && b != d.keys[d.held] {
			// The longest end of what is held that begins the sequence stays held.
			n := d.held - 1
			for n > 0 && !bytes.Equal(d.keys[:n], d.keys[d.held-n:d.held]) {
				n--
			}
			pass = append(pass, d.keys[:d.held-n]...)
			d.held = n
		}
		if b != d.keys[d.held] {
			pass = append(pass, b)
			continue
		}
		if d.held++; d.held == len(d.keys) {
			d.held = 0
			return pass, true
		}
	}
	return pass, false
}

// rest is what is still held back when the input ends.
func (d *detector) rest() []byte { return d.keys[:d.held] }
