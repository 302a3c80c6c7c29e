package layer

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"archive/tar"

	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
)

var skipDir = fs.SkipDir //nolint:errname // the standard library's

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// made is a directory that nobody has copied.
func made(name string, modified time.Time) source.Entry {
	return source.Entry{Path: name, Type: tar.TypeDir, Mode: 0o755, ModTime: modified}
}

// owner says who owns what is copied, and its mode.
type owner struct {
	uid, gid int
	keep     bool // those of the source
	mode     func(mode int64, dir bool) int64
}

func newOwner(req Request) (owner, error) {
	o := owner{keep: req.Keep && req.Chown == ""}
	var err error
	if req.Chmod != "" {
		if o.mode, err = parseMode(req.Chmod); err != nil {
			return o, err
		}
	}
	if req.Chown == "" {
		return o, nil
	}
	user, group, has := strings.Cut(req.Chown, ":")
	if strings.Contains(group, ":") || user == "" || has && group == "" {
		return o, errdefs.InvalidArgument("invalid chown string format: %s", req.Chown)
	}
	if !has {
		group = user
	}
	if o.uid, err = id(req.Below, "/etc/passwd", "user", user); err != nil {
		return o, err
	}
	if o.gid, err = id(req.Below, "/etc/group", "group", group); err != nil {
		if has || !errdefs.IsNotFound(err) {
			return o, err
		}
		o.gid = o.uid // a user without a group of its name
	}
	return o, nil
}

// id finds the number of a user or group in the files of the image.
func id(t source.Tree, file, what, name string) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	none := errdefs.NotFound("can't find %s %s: the image has no entry for it in %s", what, name, file)
	e, err := source.Lookup(t, file, true)
	if err != nil {
		if notExist(err) {
			return 0, none
		}
		return 0, err
	}
	r, err := t.Open(context.Background(), e)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	lines := bufio.NewScanner(io.LimitReader(r, 16<<20))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 3 || fields[0] != name {
			continue
		}
		if n, err := strconv.ParseUint(fields[2], 10, 31); err == nil {
			return int(n), nil
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, none
}

// parseMode reads "755" or "u=rwX,go=rX".
func parseMode(text string) (func(int64, bool) int64, error) {
	if n, err := strconv.ParseUint(text, 8, 32); err == nil {
		if n > 0o7777 {
			return nil, errdefs.InvalidArgument("invalid chmod parameter: '%s'. it should be octal string and between 0 and 07777", text)
		}
		return func(int64, bool) int64 { return int64(n) }, nil
	}
	var steps []func(int64, bool) int64
	for _, clause := range strings.Split(text, ",") {
		step, ok := parseClause(clause)
		if !ok {
			return nil, errdefs.InvalidArgument("invalid chmod parameter: '%s'. it should be octal string and between 0 and 07777, or like u=rwX,go=rX", text)
		}
		steps = append(steps, step)
	}
	return func(mode int64, dir bool) int64 {
		for _, step := range steps {
			mode = step(mode, dir)
		}
		return mode
	}, nil
}

// parseClause reads one part of a symbolic mode, chmod(1): who, an operator, and
// permissions, of which X is execution of directories and of what somebody may
// execute.
func parseClause(clause string) (func(int64, bool) int64, bool) {
	i := strings.IndexAny(clause, "+-=")
	if i < 0 {
		return nil, false
	}
	who, op, perms := clause[:i], clause[i], clause[i+1:]
	if who == "" || strings.Contains(who, "a") {
		who = "ugo"
	}
	if strings.Trim(who, "ugo") != "" || strings.Trim(perms, "rwxXst") != "" {
		return nil, false
	}
	return func(mode int64, dir bool) int64 {
		var bits, all int64
		for shift, class := range map[int64]string{6: "u", 3: "g", 0: "o"} {
			if !strings.Contains(who, class) {
				continue
			}
			all |= 7 << shift
			bits |= permissions(perms, mode, dir) << shift
		}
		if strings.Contains(perms, "s") {
			if strings.Contains(who, "u") {
				bits |= 0o4000
			}
			if strings.Contains(who, "g") {
				bits |= 0o2000
			}
		}
		if strings.Contains(perms, "t") {
			bits |= 0o1000
		}
		switch op {
		case '+':
			return mode | bits
		case '-':
			return mode &^ bits
		}
		return mode&^all | bits
	}, true
}

func permissions(perms string, mode int64, dir bool) (bits int64) {
	for _, c := range perms {
		switch c {
		case 'r':
			bits |= 4
		case 'w':
			bits |= 2
		case 'x':
			bits |= 1
		case 'X':
			if dir || mode&0o111 != 0 {
				bits |= 1
			}
		}
	}
	return bits
}
