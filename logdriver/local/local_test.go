package local

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/logdriver/logtest"
)

func TestSuite(t *testing.T) { logtest.Run(t, logdriver.Local, Format{}) }

// TestBytes holds a record to the bytes that Docker 20.10 writes for it.
func TestBytes(t *testing.T) {
	e := Format{}.Encoder(false, nil)
	e.At(time.Unix(0, 300))
	got := e.Append(nil, []byte("hi\n"))
	want, _ := hex.DecodeString("0000000f" + "0a067374646f7574" + "10ac02" + "1a026869" + "0000000f")
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02\x20\x01\x00\x00\x00\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := Format{}.Decoder()
		var e logdriver.Entry
		for len(b) > 0 {
			n, _ := d.Next(b, &e)
			if n == 0 {
				break
			}
			b = b[n:]
		}
		d.Last(b, true)
	})
}
