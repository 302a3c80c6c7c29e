package daemon

import (
	"bytes"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// defaultDetach is ctrl-p,ctrl-q.
var defaultDetach = []byte{16, 17}

// parseDetachKeys reads "ctrl-x,e": letters, or ctrl- with a letter or one of
// @ [ \ ] ^ _. Empty text means the default.
func parseDetachKeys(text string) ([]byte, error) {
	if text == "" {
		return defaultDetach, nil
	}
	var keys []byte
	for word := range strings.SplitSeq(text, ",") {
		name, ctrl := strings.CutPrefix(word, "ctrl-")
		switch {
		case len(name) != 1:
			return nil, errdefs.InvalidArgument("Invalid detach keys %q: %q is no key", text, word)
		case !ctrl:
			keys = append(keys, name[0])
		case name[0] >= 'a' && name[0] <= 'z':
			keys = append(keys, name[0]-'a'+1)
		case strings.Contains(`@[\]^_`, name):
			keys = append(keys, name[0]&0x1f)
		default:
			return nil, errdefs.InvalidArgument("Invalid detach keys %q: %q is no key", text, word)
		}
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
