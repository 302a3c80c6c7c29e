package deflate

import (
	"bytes"
	"crypto/rand"
	"testing"
)

func TestCodec(t *testing.T) {
	text := bytes.Repeat([]byte("what repeats is short "), 1000)
	to, back := make([]byte, len(text)), make([]byte, len(text))
	for range 3 { // the second time with what the pools have
		n, err := Codec{}.Deflate(to, text)
		if err != nil || n == 0 || n > len(text)/10 {
			t.Fatalf("%d bytes became %d: %v", len(text), n, err)
		}
		if m, err := (Codec{}).Inflate(back, to[:n]); err != nil || !bytes.Equal(back[:m], text) {
			t.Fatalf("%d bytes came back, %v", m, err)
		}
		if _, err := (Codec{}).Inflate(back[:len(text)-1], to[:n]); err == nil {
			t.Error("more came out than there is room for")
		}
		if _, err := (Codec{}).Inflate(back, append(bytes.Clone(to[:n]), 0)); err == nil {
			t.Error("a byte behind the end is not noticed")
		}
		if _, err := (Codec{}).Inflate(back, to[:n/2]); err == nil {
			t.Error("half a stream is taken for a whole one")
		}
	}
}

func TestNoRoom(t *testing.T) {
	noise := make([]byte, 10000)
	_, _ = rand.Read(noise) // never fails
	if n, err := (Codec{}).Deflate(make([]byte, len(noise)), noise); err == nil {
		t.Errorf("noise became %d bytes", n)
	}
	if _, err := (Codec{}).Inflate(make([]byte, 100), []byte{0xff, 0xff}); err == nil {
		t.Error("garbage inflates")
	}
}
