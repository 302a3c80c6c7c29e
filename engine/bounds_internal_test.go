package engine

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

// The bound is for each object of a sequence, not for the sequence.
func TestDecoderBound(t *testing.T) {
	row := `{"k":"` + strings.Repeat("x", 700) + `"}`
	d := NewDecoder(strings.NewReader(strings.Repeat(row, 50)))
	d.most, d.src.left = 1000, 1000
	for range 50 {
		if _, err := d.Decode(); err != nil {
			t.Fatal(err)
		}
	}
	d = NewDecoder(strings.NewReader(`{"k":"` + strings.Repeat("x", 10_000) + `"}`))
	d.most = 1000
	if _, err := d.Decode(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("got %v", err)
	}
	table := NewTable("", 0)
	list := "[" + strings.Repeat(row+",", 10) + row + "]"
	if err := table.readList(&bounded{strings.NewReader(list), 1000}); !errdefs.Is(err, errdefs.KindInvalidArgument) || table.Len() != 1 {
		t.Errorf("got %v and %d rows", err, table.Len())
	}
}

// A text is cut between two characters.
func TestClip(t *testing.T) {
	for _, c := range [][2]string{
		{"short", "short"}, {"ten bytes!", "ten bytes!"}, {"ten bytes and more", "ten byt..."},
		{"123456ää89a", "123456..."}, {strings.Repeat("\x80", 20), "\x80\x80\x80\x80..."},
	} {
		if got := clip(c[0], 10); got != c[1] {
			t.Errorf("%q is cut to %q, want %q", c[0], got, c[1])
		}
	}
}
