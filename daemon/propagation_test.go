package daemon

import (
	"strings"
	"testing"
)

func TestMountOf(t *testing.T) {
	table := []byte(`22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /mnt rw shared:7 - tmpfs tmpfs rw
31 30 0:26 / /mnt/a\040b rw master:7 - tmpfs tmpfs rw
32 30 0:27 / /mnt/both rw shared:9 master:7 - tmpfs tmpfs rw
33 22 0:28 / /mnt rw - tmpfs over rw
`)
	for _, c := range []struct {
		path, at      string
		shared, slave bool
	}{
		{"/etc", "/", false, false}, {"/mnt/a b/c", "/mnt/a b", false, true}, {"/mnt/both", "/mnt/both", true, true},
		{"/mnt/x", "/mnt", false, false}, {"/mntx", "/", false, false},
	} {
		if at, shared, slave := mountOf(table, c.path); at != c.at || shared != c.shared || slave != c.slave {
			t.Errorf("%s: %s %v %v", c.path, at, shared, slave)
		}
	}
}

func TestCheckPropagation(t *testing.T) {
	for _, p := range []string{"", "private", "rprivate"} {
		if err := checkPropagation("/no/such", p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	if err := checkPropagation("/proc", "rshared"); err != nil && !strings.Contains(err.Error(), "but it is not a shared mount") {
		t.Error(err)
	}
}
