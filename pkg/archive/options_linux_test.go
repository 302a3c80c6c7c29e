package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/testutil"
)

// listing is all there is below a directory: "name" or "name>link", directories
// with a slash.
func listing(t *testing.T, root string) string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		name, _ := filepath.Rel(root, p)
		switch {
		case e.IsDir():
			name += "/"
		case e.Type()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(p)
			name += ">" + to
		}
		list = append(list, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

func TestUnpack_At(t *testing.T) {
	for name, c := range map[string]struct {
		before, list []tar.Header
		at, want     string
		fails        bool
	}{
		"plain":        {nil, []tar.Header{dir("d"), file("d/f", "x")}, "at", "at/ at/d/ at/d/f", false},
		"itself":       {nil, []tar.Header{dir("./"), file("f", "x")}, "at", "at/ at/f", false},
		"slash":        {nil, []tar.Header{file("/f", "x")}, "at", "at/ at/f", false},
		"no climbing":  {nil, []tar.Header{file("../f", "x")}, "at", "at/", true},
		"link":         {nil, []tar.Header{symlink("l", ".."), file("l/f", "x")}, "at", "at/ at/l>.. f", false},
		"top":          {nil, []tar.Header{symlink("l", "../../.."), file("l/f", "x")}, "at", "at/ at/l>../../.. f", false},
		"absolute":     {[]tar.Header{dir("other")}, []tar.Header{symlink("l", "/other"), file("l/f", "x")}, "at", "at/ at/l>/other other/ other/f", false},
		"hard link":    {nil, []tar.Header{file("f", "x"), link("g", "f")}, "at", "at/ at/f at/g", false},
		"no hard link": {[]tar.Header{file("f", "x")}, []tar.Header{link("g", "/f")}, "at", "at/ f", true},
		"deep":         {[]tar.Header{dir("at/a/b")}, []tar.Header{file("f", "x")}, "at/a/b", "at/ at/a/ at/a/b/ at/a/b/f", false},
	} {
		t.Run(name, func(t *testing.T) {
			root := jail(t)
			if _, err := unpack(t, root, entries(t, append([]tar.Header{dir("at")}, c.before...)...), Options{}); err != nil {
				t.Fatal(err)
			}
			_, err := unpack(t, root, entries(t, c.list...), Options{At: c.at})
			if (err != nil) != c.fails || err != nil && !IsInvalid(err) {
				t.Errorf("error: %v", err)
			}
			if got := listing(t, root); got != c.want {
				t.Errorf("there is %q, want %q", got, c.want)
			}
		})
	}
}

func TestUnpack_KeepKinds(t *testing.T) {
	for name, c := range map[string]struct {
		entry tar.Header
		fails bool
	}{
		"file by directory": {dir("file"), true},
		"directory by file": {file("dir", "new"), true},
		"directory by link": {symlink("dir", "file"), true},
		"link by directory": {dir("link"), true},
		"file by file":      {file("file", "new"), false},
		"file by link":      {symlink("file", "dir"), false},
		"link by file":      {file("link", "new"), false},
		"directory again":   {dir("dir"), false},
		"something new":     {file("new", "new"), false},
	} {
		t.Run(name, func(t *testing.T) {
			root := jail(t)
			if _, err := unpack(t, root, entries(t, file("file", "old"), dir("dir"), file("dir/kept", "old"), symlink("link", "dir")), Options{}); err != nil {
				t.Fatal(err)
			}
			before := listing(t, root)
			_, err := unpack(t, root, entries(t, c.entry), Options{KeepKinds: true})
			if (err != nil) != c.fails || err != nil && !IsInvalid(err) {
				t.Errorf("error: %v", err)
			}
			if after := listing(t, root); c.fails && after != before {
				t.Errorf("there was %q, now %q", before, after)
			}
			if content, err := os.ReadFile(filepath.Join(root, "dir/kept")); err != nil || string(content) != "old" {
				t.Errorf("the directory has lost what it held: %v", err)
			}
			if _, err := unpack(t, root, entries(t, c.entry), Options{}); err != nil {
				t.Errorf("without the option: %v", err)
			}
		})
	}
}

func TestUnpack_OwnerRoot(t *testing.T) {
	testutil.RequiresRoot(t)
	root := jail(t)
	set := file("set", "x")
	set.Mode, set.Uid, set.Gid = 0o6755, 5, 6
	if _, err := unpack(t, root, entries(t, dir("d"), file("d/f", "x"), symlink("l", "d"), link("h", "d/f"), set,
		file("implied/f", "x")), Options{Owner: &Owner{UID: 1234, GID: 567}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d", "d/f", "l", "h", "set"} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 1234 || st.Gid != 567 {
			t.Errorf("%s belongs to %d:%d", name, st.Uid, st.Gid)
		}
		if name == "set" && info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != fs.ModeSetuid|fs.ModeSetgid {
			t.Errorf("the change of the owner has taken bits away: %v", info.Mode())
		}
	}
}

func TestPack_As(t *testing.T) {
	root := jail(t)
	if _, err := unpack(t, root, entries(t, dir("d"), file("d/f", "x"), link("d/g", "d/f"), symlink("l", "d")), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		opt  PackOptions
		want string
	}{
		{PackOptions{As: "x"}, "x/ x/d/ x/d/f x/d/g>x/d/f x/l>d"},
		{PackOptions{As: "."}, "./ ./d/ ./d/f ./d/g>./d/f ./l>d"},
		{PackOptions{As: "/"}, "/ /d/ /d/f /d/g>/d/f /l>d"},
		{PackOptions{As: "renamed", Only: []string{"d/f"}}, "renamed"},
		{PackOptions{As: "renamed", Only: []string{"l"}}, "renamed>d"},
		{PackOptions{As: "renamed", Only: []string{"missing"}}, ""},
	} {
		var buf bytes.Buffer
		if err := Pack(context.Background(), &buf, root, c.opt); err != nil {
			t.Errorf("%+v: %v", c.opt, err)
			continue
		}
		var got []string
		for r := tar.NewReader(&buf); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := h.Name
			if h.Linkname != "" {
				name += ">" + h.Linkname
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v gave %q, want %q", c.opt, got, c.want)
		}
	}
}

// TestPack_Unreadable: what is no file is described, never opened: a fifo without
// writer does not hold a copy up.
func TestPack_Unreadable(t *testing.T) {
	root := jail(t)
	if err := unix.Mkfifo(filepath.Join(root, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := Pack(context.Background(), &buf, root, PackOptions{As: "p", Only: []string{"fifo"}}); err != nil {
		t.Fatal(err)
	}
	if got := names(t, buf.Bytes()); len(got) != 1 || got[0] != "p" {
		t.Errorf("got %q", got)
	}
}
