package archive

import (
	"bytes"
	"encoding/base64"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

func packed(t *testing.T, kind Compression, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	var err error
	switch kind {
	case Gzip:
		w = gzip.NewWriter(&buf)
	case Xz:
		w, err = xz.NewWriter(&buf)
	case Zstd:
		w, err = zstd.NewWriter(&buf)
	case Bzip2: // made by bzip2 from "hello archive\n"
		b, err := base64.StdEncoding.DecodeString(helloBzip2)
		if err != nil {
			t.Fatal(err)
		}
		return b
	default:
		return plain
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestDecompress(t *testing.T) {
	plain := []byte("hello archive\n")
	for _, kind := range []Compression{None, Gzip, Bzip2, Xz, Zstd} {
		t.Run(kind.String(), func(t *testing.T) {
			data := packed(t, kind, plain)
			r, got, err := Decompress(bytes.NewReader(data))
			if err != nil || got != kind {
				t.Fatalf("got %v, %v", got, err)
			}
			defer r.Close()
			if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, plain) {
				t.Errorf("got %q, %v", b, err)
			}
			if kind == None {
				return
			}
			cut, _, err := Decompress(bytes.NewReader(data[:len(data)-5]))
			if err == nil {
				_, err = io.ReadAll(cut)
			}
			if err == nil {
				t.Error("a truncated stream was accepted")
			}
		})
	}
}

// TestDecompress_Bombs: a little that becomes very much is refused, and not
// before it has become much.
func TestDecompress_Bombs(t *testing.T) {
	const size = 64 << 20
	for _, kind := range []Compression{Gzip, Xz, Zstd} {
		t.Run(kind.String(), func(t *testing.T) {
			data := packed(t, kind, make([]byte, size))
			for _, free := range []int64{1 << 20, freePlain} {
				r, _, err := Decompress(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				r.(*bounded).free = free
				n, err := io.Copy(io.Discard, r)
				bomb := free < size && size/maxRatio > len(data) // gzip cannot make one
				if bomb != IsInvalid(err) || !bomb && (err != nil || n != size) {
					t.Errorf("%d bytes of %d: %d, %v", len(data), free, n, err)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestDetect(t *testing.T) {
	for head, want := range map[string]Compression{
		"": None, "\x1f\x8b": None, "\x1f\x8b\x08": Gzip, "BZh9": Bzip2, "\xfd7zXZ\x00": Xz, "\x28\xb5\x2f\xfd": Zstd, "etc/": None,
	} {
		if got := Detect([]byte(head)); got != want {
			t.Errorf("%q: got %v, want %v", head, got, want)
		}
	}
}

const helloBzip2 = "QlpoOTFBWSZTWQ7wVuYAAANRgAAQQAAqZJEAIAAxANNNBABiWKKGieTFeLuSKcKEgHeCtzA="
