//go:build linux

package graphtest

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
)

func testWhiteouts(t *testing.T, b *bench) {
	b.layer("base", "", File("f", "1"), File("d/x", "1"), File("d/sub/y", "1"), File("o/x", "1"), File("o/k/y", "1"), File("r/x", "1"))
	b.layer("top", "base",
		File(".wh.f", ""),                     // a file
		File(".wh.d", ""), File("d/new", "2"), // a directory that comes back empty but for one
		File("o/k/n", "2"), File("o/.wh..wh..opq", ""), // opaque, the marker last
		File(".wh.none", ""),                                 // nothing to delete
		File(".wh..wh.aufs", ""), File(".wh..wh.orph/x", ""), // another driver's own files
		File("r/n", "2"), File(".wh.r", ""), // deletes what is below, not what is beside it
	)
	b.want("top", "d/ d/new=2 o/ o/k/ o/k/n=2 r/ r/n=2")
	b.layer("third", "top", File(".wh.d", ""), File("f", "back"))
	b.want("third", "f=back o/ o/k/ o/k/n=2 r/ r/n=2")
	b.layer("copy", "base")
	if _, err := b.ApplyDiff(context.Background(), "copy", bytes.NewReader(b.diff("top"))); err != nil {
		t.Fatal(err)
	}
	b.want("copy", "d/ d/new=2 o/ o/k/ o/k/n=2 r/ r/n=2")
	b.layer("root", "base", File("n", "2"), File(".wh..wh..opq", ""))
	b.want("root", "n=2")
}

func testImpliedParents(t *testing.T, b *bench) {
	private := Dir("private")
	private.Mode = 0o710
	b.layer("base", "", private, File("private/a", "1"), Dir("usr"), Dir("usr/lib"), Symlink("lib", "usr/lib"), Symlink("abs", "/usr"))
	b.layer("top", "base", File("private/b", "2"), File("lib/c", "2"), File("abs/lib/d", "2"), File("a/b/c", "2"))
	b.want("top", "a/ a/b/ a/b/c=2 abs>/usr lib>usr/lib private/ private/a=1 private/b=2 usr/ usr/lib/ usr/lib/c=2 usr/lib/d=2")
	b.in("top", func(root string) {
		for name, mode := range map[string]os.FileMode{"private": 0o710, "a/b": 0o755} {
			if st, err := os.Stat(filepath.Join(root, name)); err != nil || st.Mode().Perm() != mode {
				t.Errorf("%s has mode %v, %v; want %v", name, st.Mode(), err, mode)
			}
		}
	})
}

func testHardLinkAcrossLayers(t *testing.T, b *bench) {
	b.layer("base", "", File("d/a", "1"), Symlink("l", "d/a"), File("gone", "1"))
	b.layer("top", "base", Link("x", "d/a"), Link("y", "x"), Link("l2", "l"))
	b.want("top", "d/ d/a=1 gone=1 l2>d/a l>d/a x=1 y=1")
	b.want("base", "d/ d/a=1 gone=1 l>d/a")
	b.create("bad", "base", false)
	_, err := b.ApplyDiff(context.Background(), "bad", bytes.NewReader(Archive(t, File(".wh.gone", ""), Link("x", "gone"))))
	b.wantKind(err, errdefs.KindInvalidArgument)
}

func testMetadata(t *testing.T, b *bench) {
	sticky := Dir("tmp")
	sticky.Mode = 0o1777
	suid := File("su", "x")
	suid.Mode = 0o4755
	frac := File("frac", "x")
	frac.ModTime, frac.Format = time.Unix(1000000000, 123456789), tar.FormatPAX
	root := Dir("./")
	root.Mode = 0o751
	long := strings.Repeat("long-name-", 20)
	b.layer("base", "", root, sticky, suid, frac, Symlink("dangling", "/no/where"), File("tmp/late", "x"),
		File(long+"/"+long, "x"), File("späce näme\n", "x"),
		Entry{tar.Header{Name: "fifo", Typeflag: tar.TypeFifo, Mode: 0o620, ModTime: Old}, ""})
	b.create("rw", "base", true)
	for _, id := range []string{"base", "rw"} {
		b.in(id, func(root string) {
			for name, mode := range map[string]os.FileMode{
				".": os.ModeDir | 0o751, "tmp": os.ModeDir | os.ModeSticky | 0o777, "su": os.ModeSetuid | 0o755,
				"fifo": os.ModeNamedPipe | 0o620, "dangling": os.ModeSymlink | 0o777, long + "/" + long: 0o644,
			} {
				if st, err := os.Lstat(filepath.Join(root, name)); err != nil || st.Mode() != mode {
					t.Errorf("%s: %s: %v, %v; want %v", id, name, st, err, mode)
				}
			}
		})
	}
	b.in("base", func(root string) {
		for name, at := range map[string]time.Time{"tmp": Old, "su": Old, "dangling": Old, "fifo": Old, "frac": frac.ModTime} {
			if st, err := os.Lstat(filepath.Join(root, name)); err != nil || !st.ModTime().Equal(at) {
				t.Errorf("%s has time %v, %v; want %v", name, st.ModTime(), err, at)
			}
		}
	})
}

// testHostile feeds archives that try to get out of the layer or to break the
// driver. None may touch the witness; a failed one leaves a removable layer.
func testHostile(t *testing.T, b *bench) {
	outer := filepath.Dir(b.root)
	witness := filepath.Join(outer, "witness")
	write(t, witness, "untouched")
	up := strings.Repeat("../", 12)
	base := Archive(t, File("a", strings.Repeat("x", 10000)))
	b.layer("base", "", Symlink("out", up+witness[1:]), Symlink("outdir", outer), Symlink("deep", up+outer[1:]))
	for name, data := range map[string][]byte{
		"dotdot":            Archive(t, File(up+witness[1:], "evil")),
		"link":              Archive(t, Symlink("l", outer), File("l/witness", "evil")),
		"lower link":        Archive(t, File("outdir/witness", "evil")),
		"lower link up":     Archive(t, File("deep/witness", "evil")),
		"lower link itself": Archive(t, File("out", "evil")),
		"hard link":         Archive(t, Link("l", witness), File("l", "evil")),
		"hard link up":      Archive(t, Link("l", up+witness[1:])),
		"hard link by link": Archive(t, Link("l", "outdir/witness")),
		"whiteout":          Archive(t, File("outdir/.wh.witness", "")),
		"whiteout dots":     Archive(t, Dir("d"), File("d/.wh...", "")),
		"opaque":            Archive(t, File("outdir/.wh..wh..opq", "")),
		"absolute":          Archive(t, File(witness, "evil")),
		"truncated":         base[:5000],
		"truncated header":  base[:200],
		"garbage":           bytes.Repeat([]byte("garbage!"), 500),
		"sparse":            SparseBomb(1 << 62),
		"huge header":       append(rawHeader("x", 2<<20, tar.TypeXHeader), make([]byte, 2<<20)...),
		"long link":         Archive(t, Symlink("l", strings.Repeat("x/", 3000))),
		"loop":              Archive(t, Symlink("p", "q"), Symlink("q", "p"), File("p/x", "")),
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			must(t, b.Create("victim", "base", false))
			_, err := b.ApplyDiff(context.Background(), "victim", bytes.NewReader(data))
			if err != nil && !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("the archive is at fault, but got %v (%v)", err, errdefs.KindOf(err))
			}
			must(t, b.Remove("victim"))
			if content, err := os.ReadFile(witness); err != nil || string(content) != "untouched" {
				t.Fatalf("the file outside of the layer is now %q, %v", content, err)
			}
			if list, _ := os.ReadDir(outer); len(list) != 2 {
				t.Fatalf("something was written beside the store: %v", list)
			}
		})
	}
}

func testDevices(t *testing.T, b *bench) {
	testutil.RequiresRoot(t)
	null := Entry{tar.Header{Name: "dev/null", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3, ModTime: Old}, ""}
	disk := Entry{tar.Header{Name: "dev/disk", Typeflag: tar.TypeBlock, Mode: 0o600, Devmajor: 7, Devminor: 300, ModTime: Old}, ""}
	b.layer("base", "", null, disk, File("f", "1"))
	b.layer("copy", "")
	if _, err := b.ApplyDiff(context.Background(), "copy", bytes.NewReader(b.diff("base"))); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"base", "copy"} {
		b.in(id, func(root string) {
			for name, dev := range map[string]uint64{"dev/null": unix.Mkdev(1, 3), "dev/disk": unix.Mkdev(7, 300)} {
				var st unix.Stat_t
				if err := unix.Lstat(filepath.Join(root, name), &st); err != nil || st.Rdev != dev {
					t.Errorf("%s: %s is device %#x, %v", id, name, st.Rdev, err)
				}
			}
		})
	}
	fake := Entry{tar.Header{Name: "f", Typeflag: tar.TypeChar, Mode: 0o666}, ""}
	b.create("bad", "base", false)
	_, err := b.ApplyDiff(context.Background(), "bad", bytes.NewReader(Archive(t, fake)))
	b.wantKind(err, errdefs.KindInvalidArgument)
}

func testAttributes(t *testing.T, b *bench) {
	testutil.RequiresRoot(t)
	const capability = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // cap_net_raw+ep
	ping := File("ping", "x")
	ping.Mode, ping.Uid, ping.Gid = 0o755, 1000, 100000
	ping.PAXRecords = map[string]string{
		"SCHILY.xattr.security.capability":      capability,
		"SCHILY.xattr.user.note":                "hello",
		"SCHILY.xattr.trusted.overlay.opaque":   "y",
		"SCHILY.xattr.trusted.overlay.redirect": "/etc",
	}
	dir := Dir("d")
	dir.Uid, dir.PAXRecords = 7, map[string]string{"SCHILY.xattr.trusted.overlay.opaque": "y"}
	b.layer("base", "", File("d/below", "1"))
	b.layer("top", "base", ping, dir, Symlink("l", "x"))
	b.want("top", "d/ d/below=1 l>x ping=x")
	b.create("copy", "base", false)
	if _, err := b.ApplyDiff(context.Background(), "copy", bytes.NewReader(b.diff("top"))); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"top", "copy"} {
		b.in(id, func(root string) {
			st, err := os.Stat(filepath.Join(root, "ping"))
			must(t, err)
			if sys, ok := st.Sys().(*syscall.Stat_t); !ok || sys.Uid != 1000 || sys.Gid != 100000 {
				t.Errorf("%s: owner is %+v", id, st.Sys())
			}
			for name, want := range map[string]string{"security.capability": capability, "user.note": "hello"} {
				value := make([]byte, 64)
				n, err := unix.Lgetxattr(filepath.Join(root, "ping"), name, value)
				if err != nil || string(value[:n]) != want {
					t.Errorf("%s: %s is %q, %v", id, name, value[:max(n, 0)], err)
				}
			}
		})
	}
}
