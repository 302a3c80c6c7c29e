//go:build linux

package graph

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestHoldsNothing(t *testing.T) {
	zeros := func(n int) []byte { return make([]byte, n) }
	for name, test := range map[string]struct {
		archive []byte
		nothing bool
	}{
		"no byte":     {nil, false},
		"one block":   {zeros(512), false},
		"two blocks":  {zeros(1024), true},
		"more blocks": {zeros(10240), false}, // another archive of nothing, with a sum of its own
		"something":   {append([]byte{1}, zeros(1023)...), false},
		"and a byte":  {append(zeros(1024), 1), false},
	} {
		for how, r := range map[string]io.Reader{"whole": bytes.NewReader(test.archive), "by bytes": iotest.OneByteReader(bytes.NewReader(test.archive))} {
			whole, nothing, err := holdsNothing(r)
			if err != nil || nothing != test.nothing {
				t.Errorf("%s, %s: %v %v", name, how, nothing, err)
			}
			if got, err := io.ReadAll(whole); err != nil || !bytes.Equal(got, test.archive) {
				t.Errorf("%s, %s: %d bytes of %d came back, %v", name, how, len(got), len(test.archive), err)
			}
		}
	}
	fault := errors.New("cut off")
	if _, _, err := holdsNothing(iotest.ErrReader(fault)); !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
}
