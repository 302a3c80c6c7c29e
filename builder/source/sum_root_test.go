package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/testutil"
)

// TestSum_PeerDirectory: dockerd 20.10.24 said this of "COPY --from" stages like
// that of peerDockerfile. Its own COPY takes setuid away.
func TestSum_PeerDirectory(t *testing.T) {
	testutil.RequiresRoot(t)
	dir := onDisk(t, [][2]string{
		{"x1", "content of plain"}, {"x4", "content of mode"}, {"x6", "content of attrs"},
		{"a/", ""}, {"a/file", "f"},
		{"x10/", ""}, {"x10/by/", ""}, {"x10/by/name", "content of made/by/name"}, {"x13/", ""},
	})
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.Chmod(file("x4"), 0o755), os.Chmod(file("a/file"), 0o600), unix.Mkfifo(file("x13/fifo"), 0o644),
		unix.Setxattr(file("x6"), "user.kept", []byte("not looked at"), 0),
	); err != nil {
		t.Fatal(err)
	}
	tree := Dir(dir)
	for name, want := range map[string]string{
		"x1":  "file:4f20086923487848ad499449a0dd33917528e1b0be6694bf96ed0ffe6089720b",
		"x4":  "file:838729bc7f35193737361195fcb24b19c893f1b36c16bf7b12dc6abed6add5c6",
		"x6":  "file:ac702be344fca53d1c25749dffb26e09b5ff66412a7859976366a096b685c4c9",
		"a":   "dir:22e963d0f475779b2a0998aeb06925a25cbc1c65b6a0cb4874887fb5600cbe9d",
		"x10": "dir:aa18804af90edff9663e445f748186d73d5cfc893f3f9e9bc0215d0093181eb9",
		"x13": "dir:62b1cc7b59da7cb27f8c3575d328a28d578c70d86c0e2e94a6f460f8fdfa0542",
	} {
		if got := ask(t, tree, name); got != want {
			t.Errorf("%s is %s, dockerd says %s", name, got, want)
		}
	}
}

// TestDir_Special: devices, sockets and the one attribute that counts.
func TestDir_Special(t *testing.T) {
	testutil.RequiresRoot(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	// cap_net_bind_service+ep, capabilities(7): version 2.
	capability := string([]byte{1, 0, 0, 2, 0, 4}) + strings.Repeat("\x00", 14)
	if err := errors.Join(
		unix.Mknod(file("c"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))), unix.Mknod(file("b"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 300))),
		unix.Mkfifo(file("p"), 0o644), unix.Mknod(file("s"), unix.S_IFSOCK|0o600, 0), os.WriteFile(file("f"), []byte("x"), 0o644),
		os.Chown(file("f"), 7, 8), unix.Setxattr(file("f"), capabilityName, []byte(capability), 0),
	); err != nil {
		t.Fatal(err)
	}
	tree, ok := Dir(dir).(interface {
		Tree
		Xattrs(Entry) (map[string]string, error)
	})
	if !ok {
		t.Fatal("a directory does not tell the attributes of its files")
	}
	kinds := ""
	list, err := tree.Children(".")
	for _, e := range list {
		kinds += string(e.Type)
		if _, err := tree.Open(t.Context(), e); (err == nil) != (e.Path == "f") {
			t.Errorf("%s: %v", e.Path, err)
		}
	}
	if err != nil || kinds != "430"+"6s" || !list[4].IsSocket() || list[0].Devmajor != 7 || list[0].Devminor != 300 || list[1].Devminor != 3 || list[2].UID != 7 || list[2].GID != 8 {
		t.Errorf("%q: %+v, %v", kinds, list, err)
	}
	before := ask(t, tree, "f")
	if attrs, err := tree.Xattrs(list[2]); err != nil || attrs[capabilityName] != capability {
		t.Errorf("%q, %v", attrs, err)
	}
	if err := unix.Removexattr(file("f"), capabilityName); err != nil {
		t.Fatal(err)
	}
	if after := ask(t, Dir(dir), "f"); before == after {
		t.Error("capabilities do not count")
	}
}
