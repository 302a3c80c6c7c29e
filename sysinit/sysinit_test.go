package sysinit

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

const passwd = `# comment
root:x:0:0:root:/root:/bin/sh
sue:x:1000:100::/home/sue:
broken:x
odd:x:notanumber:5::/
7:x:8:9::/seven:
`

const groups = `root:x:0:
users:x:100:sue,bob
video:x:44:bob,sue
broken
`

func TestLookupIdentity(t *testing.T) {
	for _, c := range []struct {
		spec, group string
		hasGroup    bool
		extra       []string
		want        identity
		fails       bool
	}{
		{"", "", false, nil, identity{0, 0, []int{0}, "/root"}, false},
		{"0", "", false, nil, identity{0, 0, []int{0}, "/root"}, false},
		{"sue", "", false, nil, identity{1000, 100, []int{100, 44}, "/home/sue"}, false},
		{"1000", "", false, nil, identity{1000, 100, []int{100, 44}, "/home/sue"}, false},
		{"sue", "video", true, nil, identity{1000, 44, []int{44}, "/home/sue"}, false},
		{"sue", "5", true, []string{"video", "9"}, identity{1000, 5, []int{5, 44, 9}, "/home/sue"}, false},
		{"4242", "", false, nil, identity{4242, 0, []int{0}, "/"}, false},
		{"4242", "", true, nil, identity{4242, 0, []int{0}, "/"}, false},
		{"nobody", "", false, nil, identity{}, true},
		{"odd", "", false, nil, identity{}, true},
		{"sue", "none", true, nil, identity{}, true},
		{"sue", "", false, []string{"none"}, identity{}, true},
		{"2147483647", "", false, nil, identity{2147483647, 0, []int{0}, "/"}, false},
		{"2147483648", "", false, nil, identity{}, true},
		{"99999999999999999999999", "", false, nil, identity{}, true},
		{"-1", "", false, nil, identity{}, true},
	} {
		got, err := lookupIdentity(c.spec, c.group, c.hasGroup, c.extra, []byte(passwd), []byte(groups))
		if (err != nil) != c.fails {
			t.Errorf("%q:%q: %v", c.spec, c.group, err)
		} else if err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q:%q: got %+v, want %+v", c.spec, c.group, got, c.want)
		}
	}
}

func TestUserFileMustBeAFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readUserFile(fifo); err == nil {
		t.Error("a pipe was read")
	}
	if b, err := readUserFile(filepath.Join(dir, "none")); err != nil || b != nil {
		t.Errorf("a missing file: %q, %v", b, err)
	}
}

func TestEnsureStaysInside(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	for name, to := range map[string]string{
		"abs": outside, "up": "../../../../../../.." + outside, "loop": "loop", "dangling": "/made/later",
	} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, path := range []string{"/a/b/c", "abs/x", "up/y", "../../z", "/a/../../w", "loop/x", "dangling/x", "", "/"} {
		at, err := ensure(fd, path, true)
		if err == nil {
			name, err := os.Readlink(fdPath(at))
			if err != nil || len(name) < len(root) || name[:len(root)] != root {
				t.Errorf("%q became %q, %v", path, name, err)
			}
			unix.Close(at)
		}
		if left, _ := os.ReadDir(outside); len(left) != 0 {
			t.Fatalf("%q made something outside: %v", path, left)
		}
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"run": 0o755, "plain": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=/none:" + dir}
	if path, err := lookPath("run", env); err != nil || path != dir+"/run" {
		t.Errorf("got %q, %v", path, err)
	}
	for name, errno := range map[string]unix.Errno{
		"absent": unix.ENOENT, "plain": unix.EACCES, "dir": unix.ENOENT, dir + "/absent": unix.ENOENT,
	} {
		_, err := lookPath(name, env)
		if f, ok := err.(interface{ Error() string }); !ok || f == nil {
			t.Errorf("%s was found", name)
			continue
		}
		if got := errnoOf(err); got != errno {
			t.Errorf("%s: %v, want %v", name, err, errno)
		}
	}
}

func TestWithHome(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{nil, []string{"HOME=/h"}}, {[]string{"A=1", "HOME=/x"}, []string{"A=1", "HOME=/x"}},
		{[]string{"HOME=", "A=1"}, []string{"A=1", "HOME=/h"}},
	} {
		if got := withHome(c.in, "/h"); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %q", c.in, got)
		}
	}
}
