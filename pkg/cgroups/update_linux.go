package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// change is one value for one file.
type change struct {
	what      string // the limit, for people
	dir, file string
	value     string
	device    string // "254:0": a line of a table of devices
	key       string // and its column, where a line has several
	none      string // what such a line says for no limit
}

// plan is a list of changes in the order in which the kernel takes them.
type plan struct {
	changes  []change
	warnings []string
}

func (p *plan) warn(text string) { p.warnings = append(p.warnings, text) }

// set plans a value when it is wanted; what the host lacks becomes a warning.
func (p *plan) set(wanted bool, what, dir, file, value string) {
	switch {
	case !wanted:
	case dir == "":
		p.warn(what + " is not limited: the host lacks the controller")
	default:
		p.changes = append(p.changes, change{what: what, dir: dir, file: file, value: value})
	}
}

// device plans a value of a device. none is how its table spells no limit.
func (p *plan) device(what, dir, file string, major, minor int64, key, value, none string) {
	before := len(p.changes)
	p.set(true, what, dir, file, value)
	if len(p.changes) > before {
		c := &p.changes[before]
		c.device, c.key, c.none = num(major)+":"+num(minor), key, none
	}
}

// line is what is written for a value.
func (c *change) line(value string) string {
	switch {
	case value == "":
		return "\n" // an empty set
	case c.device == "":
		return value
	case c.key == "":
		return c.device + " " + value
	}
	return c.device + " " + c.key + "=" + value
}

// now reads the value that the change would replace.
func (c *change) now() string {
	text, _ := readWhole(c.dir, c.file)
	if c.device == "" {
		return strings.TrimSpace(text)
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != c.device {
			continue
		}
		if c.key == "" {
			return f[1]
		}
		for _, column := range f[1:] {
			if value, ok := strings.CutPrefix(column, c.key+"="); ok {
				return value
			}
		}
	}
	return c.none
}

// apply writes the value. warning tells that the host cannot.
func (c *change) apply() (warning string, err error) {
	err = write(c.dir, c.file, c.line(c.value))
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, fs.ErrNotExist):
		return c.what + " is not limited: the host lacks " + c.file, nil
	case errors.Is(err, unix.EOPNOTSUPP) && c.device != "":
		return c.what + " is not limited: the scheduler of device " + c.device + " does not support it", nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return c.what + " is not limited: the host does not support " + c.file, nil
	}
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err // the name of the limit says more than that of its file
	}
	switch {
	case c.device != "":
		return "", fmt.Errorf("%s of device %s cannot be set to %s: %w", c.what, c.device, c.value, err)
	case errors.Is(err, unix.EBUSY) && c.file == "memory.limit_in_bytes":
		return "", fmt.Errorf("%s cannot be set to %s: %d bytes are in use: %w", c.what, c.value,
			readInt(c.dir, "memory.usage_in_bytes"), err)
	}
	return "", fmt.Errorf("%s cannot be set to %s: %w", c.what, c.value, err)
}

// run makes all changes of a group that is removed when one fails.
func (p *plan) run() ([]string, error) {
	for i := range p.changes {
		warning, err := p.changes[i].apply()
		if err != nil {
			return nil, err
		}
		if warning != "" {
			p.warn(warning)
		}
	}
	return p.warnings, nil
}

// runAll makes all changes or none.
func (p *plan) runAll() ([]string, error) {
	var undo []change
	for _, c := range p.changes {
		old := c
		old.value = c.now()
		warning, err := c.apply()
		if err != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				if _, failed := undo[i].apply(); failed != nil {
					err = errors.Join(err, fmt.Errorf("undoing what was changed before: %w", failed))
				}
			}
			return nil, err
		}
		if warning != "" {
			p.warn(warning)
			continue
		}
		undo = append(undo, old)
	}
	return p.warnings, nil
}

// Update changes the limits that are set. OomKillDisable and the devices are not
// among those that can be changed. Either all change or, with an error, none.
// Memory is never taken by killing: a limit below what the members cannot give
// back is an error.
func (g *Group) Update(r *Limits) (warnings []string, err error) {
	var p plan
	if !g.V2 {
		p.limitV1(g, r)
		return p.runAll()
	}
	dir := g.Paths[""]
	if r.Memory > 0 {
		ease, err := squeeze(dir, r.Memory)
		defer ease()
		if err != nil {
			return nil, err
		}
	}
	p.limitV2(dir, r)
	return p.runAll()
}

// squeezePatience is how long members may take to give memory back.
const squeezePatience = 2 * time.Second

// squeeze makes a group of v2 give memory back until a new limit fits, because
// the kernel would kill for it. ease lets it have more again; by then the limit
// itself does that.
func squeeze(dir string, limit int64) (ease func(), err error) {
	ease = func() {}
	if readInt(dir, "memory.current") <= limit {
		return ease, nil
	}
	high, ok := readValue(dir, "memory.high")
	if !ok {
		return ease, nil
	}
	ease = func() { _ = write(dir, "memory.high", high) } // the group is gone, or it is as before
	if err := write(dir, "memory.high", num(limit)); err != nil {
		return ease, fmt.Errorf("memory cannot be set to %d: %w", limit, err)
	}
	for end := time.Now().Add(squeezePatience); ; time.Sleep(5 * time.Millisecond) {
		now := readInt(dir, "memory.current")
		if now <= limit {
			return ease, nil
		}
		if time.Now().After(end) {
			return ease, fmt.Errorf("memory cannot be set to %d: %d bytes are in use: %w", limit, now, unix.EBUSY)
		}
	}
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// orMax spells no limit as v2 and pids do.
func orMax(n int64) string {
	if n < 0 {
		return "max"
	}
	return num(n)
}

func has(dir, file string) bool {
	var st unix.Stat_t
	return dir != "" && unix.Stat(dir+"/"+file, &st) == nil
}

// oneOf is the first file that exists, else the last.
func oneOf(dir string, files ...string) string {
	for _, f := range files[:len(files)-1] {
		if has(dir, f) {
			return f
		}
	}
	return files[len(files)-1]
}

func readIntIf(wanted bool, dir, file string) int64 {
	if !wanted {
		return 0
	}
	return max(readInt(dir, file), 0)
}

func readWhole(dir, file string) (string, bool) {
	r := reader{buf: make([]byte, 1024)}
	text := string(r.file(dir, file))
	return text, r.found > 0
}
