package daemon

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
	"github.com/enginejobs/docker/runconfig"
)

// test judges one snapshot.
type test func(d *Daemon, s *snapshot) bool

// matcher is a compiled set of filters: values of one filter are alternatives
// (labels must all match), filters combine.
type matcher struct {
	tests      []test
	impliesAll bool // the filters ask for containers that do not run
}

func (m *matcher) match(d *Daemon, s *snapshot) bool {
	for _, t := range m.tests {
		if !t(d, s) {
			return false
		}
	}
	return true
}

// compilers makes a test of the values of each known filter.
var compilers = map[string]func(d *Daemon, values []string) (test, error){
	"status": statusFilter, "exited": exitedFilter, "name": nameFilter, "id": idFilter, "label": labelFilter,
	"ancestor": ancestorFilter, "before": beforeFilter, "since": sinceFilter, "volume": volumeFilter,
	"network": networkFilter, "publish": publishFilter, "expose": exposeFilter, "health": healthFilter,
	"is-task": taskFilter, "isolation": nil,
}

// matcher compiles filters.
func (d *Daemon) matcher(f filters.Filters) (*matcher, error) {
	m := &matcher{}
	for name, values := range f {
		compile, known := compilers[name]
		if !known {
			return nil, errdefs.InvalidArgument("invalid filter '%s'", name)
		}
		if compile == nil || len(values) == 0 {
			continue
		}
		t, err := compile(d, values)
		if err != nil {
			return nil, err
		}
		m.tests = append(m.tests, t)
		m.impliesAll = m.impliesAll || name == "status" || name == "exited"
	}
	return m, nil
}

func statusFilter(_ *Daemon, values []string) (test, error) {
	for _, v := range values {
		if !slices.Contains(phaseNames[:], v) || v == "starting" || v == "removed" {
			return nil, errdefs.InvalidArgument("invalid filter 'status=%s': use created, running, paused, "+
				"restarting, removing, exited or dead", v)
		}
	}
	return func(_ *Daemon, s *snapshot) bool { return slices.Contains(values, s.state.word()) }, nil
}

func exitedFilter(_ *Daemon, values []string) (test, error) {
	var codes []int
	for _, v := range values {
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, errdefs.InvalidArgument("invalid filter 'exited=%s': it must be a number", v)
		}
		codes = append(codes, n)
	}
	return func(_ *Daemon, s *snapshot) bool {
		return !s.state.alive() && !s.state.FinishedAt.IsZero() && slices.Contains(codes, s.state.ExitCode)
	}, nil
}

// patterns compiles regular expressions; text that is none matches as it is.
func patterns(values []string) func(string) bool {
	var list []*regexp.Regexp
	for _, v := range values {
		re, err := regexp.Compile(v)
		if err != nil {
			re = regexp.MustCompile(regexp.QuoteMeta(v))
		}
		list = append(list, re)
	}
	return func(text string) bool {
		return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(text) })
	}
}

func nameFilter(_ *Daemon, values []string) (test, error) {
	ok := patterns(values)
	return func(_ *Daemon, s *snapshot) bool { return ok(s.rec.Name) || ok(s.bare()) }, nil
}

func idFilter(_ *Daemon, values []string) (test, error) {
	ok := patterns(values)
	return func(_ *Daemon, s *snapshot) bool { return ok(s.rec.ID) }, nil
}

func labelFilter(_ *Daemon, values []string) (test, error) {
	return func(_ *Daemon, s *snapshot) bool {
		for _, v := range values {
			key, want, hasValue := strings.Cut(v, "=")
			got, there := s.rec.Config.Labels[key]
			if !there || hasValue && got != want {
				return false
			}
		}
		return true
	}, nil
}

// ancestorFilter looks the images up once; a reference that is no image
// matches nothing.
func ancestorFilter(d *Daemon, values []string) (test, error) {
	var ids []string
	for _, v := range values {
		if img, err := d.opt.Images.Image(v); err == nil {
			ids = append(ids, img.ID)
		}
	}
	return func(_ *Daemon, s *snapshot) bool {
		return slices.Contains(ids, s.rec.Image) || slices.Contains(values, s.rec.Config.Image)
	}, nil
}

func beforeFilter(d *Daemon, values []string) (test, error) {
	c, err := d.containers.find(values[0])
	if err != nil {
		return nil, err
	}
	at := c.now().rec.Created
	return func(_ *Daemon, s *snapshot) bool { return s.rec.Created.Before(at) }, nil
}

func sinceFilter(d *Daemon, values []string) (test, error) {
	c, err := d.containers.find(values[0])
	if err != nil {
		return nil, err
	}
	at := c.now().rec.Created
	return func(_ *Daemon, s *snapshot) bool { return s.rec.Created.After(at) }, nil
}

func volumeFilter(_ *Daemon, values []string) (test, error) {
	return func(_ *Daemon, s *snapshot) bool {
		for dst, m := range s.rec.MountPoints {
			if slices.Contains(values, dst) || m.Name != "" && slices.Contains(values, m.Name) ||
				m.Source != "" && slices.Contains(values, m.Source) {
				return true
			}
		}
		return false
	}, nil
}

func networkFilter(_ *Daemon, values []string) (test, error) {
	return func(_ *Daemon, s *snapshot) bool {
		for name, e := range s.net.Networks {
			if slices.Contains(values, name) || e != nil && e.NetworkID != "" && slices.Contains(values, e.NetworkID) {
				return true
			}
		}
		return false
	}, nil
}

// portRange is one value of publish or expose.
type portRange struct {
	first, last int
	proto       string
}

func portRanges(name string, values []string) ([]portRange, error) {
	var list []portRange
	for _, v := range values {
		ports, err := runconfig.ParseExpose(v)
		if err != nil {
			return nil, errdefs.InvalidArgument("invalid filter '%s=%s': %w", name, v, err)
		}
		first, proto := ports[0].Split()
		last, _ := ports[len(ports)-1].Split()
		list = append(list, portRange{first, last, proto})
	}
	return list, nil
}

func inRange(list []portRange, port int, proto string) bool {
	return slices.ContainsFunc(list, func(r portRange) bool {
		return port >= r.first && port <= r.last && proto == r.proto
	})
}

func publishFilter(_ *Daemon, values []string) (test, error) {
	list, err := portRanges("publish", values)
	return func(_ *Daemon, s *snapshot) bool {
		for _, p := range s.row.get(s).summary.Ports {
			if p.PublicPort != 0 && inRange(list, int(p.PublicPort), p.Type) {
				return true
			}
		}
		return false
	}, err
}

func exposeFilter(_ *Daemon, values []string) (test, error) {
	list, err := portRanges("expose", values)
	return func(_ *Daemon, s *snapshot) bool {
		for p := range s.rec.Config.ExposedPorts {
			if n, proto := p.Split(); inRange(list, n, proto) {
				return true
			}
		}
		return false
	}, err
}

// healthFilter keeps the containers in one of the states of health; those without
// checks are "none".
func healthFilter(_ *Daemon, values []string) (test, error) {
	for _, v := range values {
		if !slices.Contains([]string{healthNone, healthStarting, healthGood, healthBad}, v) {
			return nil, errdefs.InvalidArgument("invalid filter 'health=%s'", v)
		}
	}
	return func(_ *Daemon, s *snapshot) bool { return slices.Contains(values, s.health.word()) }, nil
}

// taskFilter: no container belongs to a swarm task.
func taskFilter(_ *Daemon, values []string) (test, error) {
	on, err := strconv.ParseBool(values[0])
	if err != nil {
		return nil, errdefs.InvalidArgument("invalid filter 'is-task=%s'", values[0])
	}
	return func(*Daemon, *snapshot) bool { return !on }, nil
}
