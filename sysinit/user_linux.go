package sysinit

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// identity is who the workload is.
type identity struct {
	uid, gid int
	groups   []int
	home     string
}

// The longest user or group file that we are willing to read.
const maxUserFile = 16 << 20

const maxID = 1<<31 - 1

// resolveUser looks user[:group] and additional groups up in the container's
// files. It runs inside the container's root, so that no link leads out of it.
func resolveUser(spec string, extra []string) (identity, error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if (name == "" || name == "0") && !hasGroup && len(extra) == 0 {
		return rootIdentity()
	}
	passwd, err := readUserFile("/etc/passwd")
	if err != nil {
		return identity{}, err
	}
	groups, err := readUserFile("/etc/group")
	if err != nil {
		return identity{}, err
	}
	return lookupIdentity(name, group, hasGroup, extra, passwd, groups)
}

// rootIdentity is the common case. Root's home and groups come from the files
// as for any other user.
func rootIdentity() (identity, error) {
	passwd, err := readUserFile("/etc/passwd")
	if err != nil {
		return identity{}, err
	}
	groups, err := readUserFile("/etc/group")
	if err != nil {
		return identity{}, err
	}
	return lookupIdentity("0", "", false, nil, passwd, groups)
}

func lookupIdentity(name, group string, hasGroup bool, extra []string, passwd, groups []byte) (identity, error) {
	if name == "" {
		name = "0"
	}
	id := identity{home: "/"}
	login, found := "", false
	number, numeric, err := parseID(name)
	if err != nil {
		return id, err
	}
	eachLine(passwd, func(f []string) bool {
		if len(f) < 4 || f[0] != name && !(numeric && f[2] == name) {
			return true
		}
		uid, ok1, _ := parseID(f[2])
		gid, ok2, _ := parseID(f[3])
		if !ok1 || !ok2 {
			return true
		}
		login, found = f[0], true
		id.uid, id.gid = uid, gid
		if len(f) > 5 && f[5] != "" {
			id.home = f[5]
		}
		return false
	})
	if !found {
		if !numeric {
			return id, text("no such user in the container's /etc/passwd")
		}
		id.uid = number
	}
	if hasGroup && group != "" {
		id.gid, err = lookupGroup(group, groups)
		if err != nil {
			return id, err
		}
	} else if found {
		id.groups = groupsOf(login, groups)
	}
	for _, g := range extra {
		gid, err := lookupGroup(g, groups)
		if err != nil {
			return id, err
		}
		id.groups = append(id.groups, gid)
	}
	// The group itself is one of them: else files that shut it out by their mode
	// would be open to a process that changes its group (CVE-2022-36109).
	if !slices.Contains(id.groups, id.gid) {
		id.groups = slices.Insert(id.groups, 0, id.gid)
	}
	return id, nil
}

func lookupGroup(group string, groups []byte) (int, error) {
	gid, numeric, err := parseID(group)
	if err != nil || numeric {
		return gid, err
	}
	found := false
	eachLine(groups, func(f []string) bool {
		if len(f) > 2 && f[0] == group {
			gid, found, _ = parseID(f[2])
		}
		return !found
	})
	if !found {
		return 0, text("no group " + group + " in the container's /etc/group")
	}
	return gid, nil
}

// groupsOf lists the groups that name a user as a member.
func groupsOf(login string, groups []byte) []int {
	var gids []int
	eachLine(groups, func(f []string) bool {
		if len(f) > 3 {
			for _, member := range strings.Split(f[3], ",") {
				if gid, ok, _ := parseID(f[2]); member == login && ok {
					gids = append(gids, gid)
				}
			}
		}
		return true
	})
	return gids
}

// parseID reads a number. numeric is false, without an error, for a name.
func parseID(s string) (id int, numeric bool, err error) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false, nil
		}
	}
	if s == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > maxID {
		return 0, false, text("uids and gids must be in range 0-2147483647")
	}
	return int(n), true, nil
}

func eachLine(b []byte, fn func(fields []string) bool) {
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if !fn(strings.Split(string(line), ":")) {
			return
		}
	}
}

// readUserFile reads a regular file whole. A missing one is empty; a pipe or a
// device, which an image may put there to keep us waiting, is an error.
func readUserFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if isAny(err, unix.ENOENT, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, errAt("read", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errAt("read", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > maxUserFile {
		return nil, errAt("read", path, text("not a regular file of at most 16 MB"))
	}
	b := make([]byte, st.Size)
	for n := 0; n < len(b); {
		got, err := unix.Read(fd, b[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, errAt("read", path, err)
		}
		if got == 0 {
			return b[:n], nil
		}
		n += got
	}
	return b, nil
}
