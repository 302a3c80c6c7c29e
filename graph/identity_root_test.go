//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestIdentity: an archive of any entries in any order is refused as one that is
// at fault, or comes out byte for byte as it came in.
func TestIdentity(t *testing.T) {
	testutil.RequiresRoot(t) // archives have owners and devices
	onDrivers(t, func(t *testing.T, b *bench) {
		rnd := rand.New(rand.NewPCG(7, 7))
		accepted := 0
		for range 250 {
			data := randomArchive(t, rnd)
			p, err := b.newPending("", "")
			if err != nil {
				t.Fatal(err)
			}
			err = p.unpack(t.Context(), bytes.NewReader(data), nil, nil)
			switch {
			case errdefs.Is(err, errdefs.KindInvalidArgument):
			case err != nil:
				t.Errorf("%v: %s", err, listing(data))
			default:
				accepted++
				got, err := b.reassembled(p)
				if err != nil || !bytes.Equal(got, data) || p.diffID != image.Digest(data) || p.length != int64(len(data)) {
					t.Errorf("%d of %d bytes come back, %v: %s", len(got), len(data), err, listing(data))
				}
			}
			p.drop()
			if t.Failed() {
				return
			}
		}
		if accepted < 60 {
			t.Errorf("only %d archives were accepted", accepted)
		}
	})
}

func (b *bench) reassembled(p *pendingLayer) ([]byte, error) {
	record, err := openRecord(p.dir)
	if err != nil {
		return nil, err
	}
	rc, err := b.assembledFrom(b.t.Context(), p.cacheID, record, nil)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(rc)
	return got, errors.Join(err, rc.Close())
}

// randomArchive has entries whose names and targets often meet.
func randomArchive(t *testing.T, rnd *rand.Rand) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	names := []string{"a", "./a", "/a", "b", "d", "d/", "d/a", "d/b", "l", "l/a", "l/../a", "d/e/f", ".wh.a", "d/.wh.b", ".wh..wh..opq", "d/.wh..wh..opq", ".wh..wh.plnk/1", "é", "\xff", strings.Repeat("long/", 40) + "x"}
	pick := func() string { return names[rnd.IntN(len(names))] }
	for range 1 + rnd.IntN(7) {
		h := &tar.Header{Name: pick(), Mode: int64(rnd.IntN(0o10000)), ModTime: time.Unix(rnd.Int64N(1e9), rnd.Int64N(1e9)), Format: []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU}[rnd.IntN(3)]}
		switch rnd.IntN(8) {
		case 0:
			h.Typeflag = tar.TypeDir
		case 1:
			h.Typeflag, h.Linkname = tar.TypeSymlink, []string{"d", "/d", "..", "a", "nowhere"}[rnd.IntN(5)]
		case 2:
			h.Typeflag, h.Linkname = tar.TypeLink, pick()
		case 3:
			h.Typeflag = tar.TypeFifo
		default:
			h.Typeflag, h.Size = tar.TypeReg, int64(rnd.IntN(3)*rnd.IntN(1200))
		}
		if h.Format == tar.FormatPAX && rnd.IntN(3) == 0 {
			h.PAXRecords = map[string]string{"VENDOR.key": "value"}
		}
		if err := w.WriteHeader(h); err != nil {
			continue // a name or time that the form cannot hold: nothing is written
		}
		body := make([]byte, h.Size)
		for i := range body {
			body[i] = byte(rnd.Uint32())
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if rnd.IntN(4) > 0 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	} else if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	data := buf.Bytes()
	if len(data) == 0 {
		data = make([]byte, 1024)
	}
	return append(data, make([]byte, rnd.IntN(3)*rnd.IntN(2000))...)
}

func listing(data []byte) string {
	var list []string
	tr := tar.NewReader(bytes.NewReader(data))
	for hdr, err := tr.Next(); err == nil; hdr, err = tr.Next() {
		list = append(list, string(hdr.Typeflag)+" "+hdr.Name+">"+hdr.Linkname)
	}
	return strings.Join(list, ", ")
}
