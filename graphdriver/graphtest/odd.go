//go:build linux

package graphtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
)

// testSparse: files with holes in the forms that tar has for them keep what they
// have and where, and stay sparse.
func testSparse(t *testing.T, b *bench) {
	for name, data := range map[string][]byte{"gnu": GNUSparse(), "pax": PAXSparse()} {
		b.create(name, "", false)
		size, err := b.ApplyDiff(context.Background(), name, bytes.NewReader(data))
		if err != nil || size != SparseSize+5 {
			t.Fatalf("%s: %d bytes, %v", name, size, err)
		}
		b.in(name, func(root string) {
			text, err := os.ReadFile(filepath.Join(root, "s"))
			want := make([]byte, SparseSize)
			copy(want[SparseAt:], "data")
			if err != nil || !bytes.Equal(text, want) {
				t.Errorf("%s: %d bytes, %v", name, len(text), err)
			}
			var st unix.Stat_t
			if err := unix.Stat(filepath.Join(root, "s"), &st); err != nil || st.Blocks*512 >= SparseSize {
				t.Errorf("%s: it takes %d bytes on disk, %v", name, st.Blocks*512, err)
			}
		})
	}
}

// testTwice: content that an archive brings and takes away again is refused,
// whatever comes in its place; what has no content may come again.
func testTwice(t *testing.T, b *bench) {
	mode := func(e Entry, mode int64) Entry { e.Mode = mode; return e }
	b.layer("base", "", File("a", "below"), Dir("d"), File("d/f", "below"), File("l", "below"))
	b.layer("top", "base", File("a", "1"), File("e", ""), mode(File("e", ""), 0o600), Dir("d"), mode(Dir("d"), 0o700),
		Symlink("l", "x"), Symlink("l", "y"), File("h", "1"), Link("i", "h"), Link("i", "h"), Link("c", "d/f"), File("c", "2"))
	b.want("top", "a=1 c=2 d/ d/f=below e= h=1 i=1 l>y")
	for name, list := range map[string][]Entry{
		"file":              {File("x", "1"), File("x", "2")},
		"spelled otherwise": {File("x", "1"), File("./d/../x", "2")},
		"by a link":         {Dir("r"), Symlink("k", "r"), File("r/x", "1"), File("k/x", "2")},
		"link in its place": {File("x", "1"), Symlink("x", "y")},
		"directory":         {File("x", "1"), Dir("x")},
		"tree":              {Dir("r"), File("r/x", "1"), File("r", "")},
		"of two names":      {File("x", "1"), Link("y", "x"), Symlink("x", "y")},
	} {
		b.create("bad", "base", false)
		_, err := b.ApplyDiff(context.Background(), "bad", bytes.NewReader(Archive(t, list...)))
		if !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), "duplicate") {
			t.Errorf("%s: %v", name, err)
		}
		must(t, b.Remove("bad"))
	}
}

// testForms: names, times and owners that only newer forms of tar can hold.
func testForms(t *testing.T, b *bench) {
	long := strings.Repeat("a/", 60) + strings.Repeat("n", 200)
	for id, format := range map[string]tar.Format{"pax": tar.FormatPAX, "gnu": tar.FormatGNU} {
		at := time.Unix(5e9, 0) // after 2106
		early := time.Unix(-86400, 0)
		list := []Entry{File(long, "1"), File("late", "2"), File("early", "3"), Symlink("l", long), File("ünï\xff", "4")}
		for i := range list {
			list[i].Format = format
		}
		list[1].ModTime, list[2].ModTime = at, early
		list[1].Uid, list[1].Gid = os.Geteuid(), os.Getegid()
		if os.Geteuid() == 0 {
			list[1].Uid, list[1].Gid = 3_000_000, 4_000_000_000
		}
		if format == tar.FormatPAX {
			list = list[:4] // its names are UTF-8
		}
		b.layer(id, "", list...)
		b.in(id, func(root string) {
			var st unix.Stat_t
			if err := unix.Lstat(filepath.Join(root, "late"), &st); err != nil || st.Mtim.Sec != at.Unix() || int(st.Uid) != list[1].Uid || int(st.Gid) != list[1].Gid {
				t.Errorf("%v: late: %v of %d:%d, %v", format, st.Mtim, st.Uid, st.Gid, err)
			}
			if err := unix.Lstat(filepath.Join(root, "early"), &st); err != nil || st.Mtim.Sec != early.Unix() {
				t.Errorf("%v: early: %v, %v", format, st.Mtim, err)
			}
			for name, want := range map[string]string{long: "1", "ünï\xff": "4"} {
				if text, err := os.ReadFile(filepath.Join(root, name)); (err != nil || string(text) != want) && (format != tar.FormatPAX || name == long) {
					t.Errorf("%v: %q: %q, %v", format, name, text, err)
				}
			}
		})
	}
}

// testAhead: layers whose parents come later are the same as those that come in
// turn. Only drivers that say so can do it.
func testAhead(t *testing.T, b *bench) {
	d, ok := b.Driver.(graphdriver.Stacker)
	if !ok {
		return
	}
	private := Dir("./")
	private.Mode = 0o711
	archives := [][]byte{
		Archive(t, private, Dir("d"), File("d/a", "1"), File("gone", "1"), Symlink("l", "d")),
		Archive(t, File("d/b", "2"), Link("h", "d/a"), File(".wh.gone", "")),
		Archive(t, File("l/c", "3"), Dir("o"), File("o/x", "3")),
		Archive(t, File(".wh..wh..opq", ""), File("last", "4")),
	}
	for _, stack := range []int{3, 4} {
		parent := ""
		done := make([]chan struct{}, stack)
		var running sync.WaitGroup
		for i := range stack {
			id := fmt.Sprintf("s%d-%d", stack, i)
			b.create(id, parent, false)
			parent, done[i] = id, make(chan struct{})
		}
		for i := stack - 1; i >= 0; i-- { // the topmost begins
			begun := make(chan struct{})
			running.Go(func() {
				close(begun)
				_, err := d.ApplyAhead(context.Background(), fmt.Sprintf("s%d-%d", stack, i), bytes.NewReader(archives[i]), func() error {
					for _, below := range done[:i] {
						<-below
					}
					return nil
				})
				if err != nil {
					t.Errorf("layer %d: %v", i, err)
				}
				close(done[i])
			})
			<-begun
		}
		running.Wait()
		want := map[int]string{3: "d/ d/a=1 d/b=2 d/c=3 h=1 l>d o/ o/x=3", 4: "last=4"}[stack]
		b.want(parent, want)
		b.in(parent, func(root string) {
			if st, err := os.Stat(root); err != nil || st.Mode().Perm() != 0o711 {
				t.Errorf("the root has mode %v, %v", st.Mode(), err)
			}
		})
	}
	b.create("bad", "", false)
	b.create("on", "bad", false)
	failed := errors.New("the parent failed")
	if _, err := d.ApplyAhead(context.Background(), "on", bytes.NewReader(archives[1]), func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}
