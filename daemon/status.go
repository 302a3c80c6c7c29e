package daemon

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/runconfig"
)

// status is the life of a container for people, as ps shows it.
func (s *snapshot) status(now time.Time) string { return string(s.appendStatus(nil, now)) }

// appendStatus appends it to text.
func (s *snapshot) appendStatus(text []byte, now time.Time) []byte {
	st := &s.state
	if st.again() {
		return st.appendEnd(append(text, "Restarting"...), now)
	}
	switch st.Phase {
	case running:
		return append(appendDuration(append(text, "Up "...), now.Sub(st.StartedAt)), s.health.suffix()...)
	case paused:
		return append(appendDuration(append(text, "Up "...), now.Sub(st.StartedAt)), " (Paused)"...)
	case removing, removed:
		return append(text, "Removal In Progress"...)
	case dead:
		return append(text, "Dead"...)
	case starting:
		if st.Prior == created {
			return append(text, "Created"...)
		}
	case created:
		return append(text, "Created"...)
	}
	if st.FinishedAt.IsZero() {
		return append(text, "Created"...)
	}
	return st.appendEnd(append(text, "Exited"...), now)
}

// appendEnd says how and when the workload ended.
func (s *state) appendEnd(text []byte, now time.Time) []byte {
	text = append(strconv.AppendInt(append(text, " ("...), int64(s.ExitCode), 10), ") "...)
	return append(appendDuration(text, now.Sub(s.FinishedAt)), " ago"...)
}

// appendDuration says roughly how long.
func appendDuration(text []byte, d time.Duration) []byte {
	count := func(n int, unit string) []byte { return append(strconv.AppendInt(text, int64(n), 10), unit...) }
	hours := int(d.Hours() + 0.5)
	switch seconds, minutes := int(d.Seconds()), int(d.Minutes()); {
	case seconds < 1:
		return append(text, "Less than a second"...)
	case seconds == 1:
		return append(text, "1 second"...)
	case seconds < 60:
		return count(seconds, " seconds")
	case minutes == 1:
		return append(text, "About a minute"...)
	case minutes < 60:
		return count(minutes, " minutes")
	case hours == 1:
		return append(text, "About an hour"...)
	case hours < 48:
		return count(hours, " hours")
	case hours < 24*14:
		return count(hours/24, " days")
	case hours < 24*90:
		return count(hours/24/7, " weeks")
	case hours < 24*365*2:
		return count(hours/24/30, " months")
	}
	return count(int(d.Hours())/24/365, " years")
}

// row is what containers shows of a snapshot, without what changes by itself
// (Status) or costs something (sizes). It is prepared at most once, by the first
// who asks, so that listing many containers costs next to nothing.
type row struct {
	once       sync.Once
	summary    api.ContainerSummary
	head, tail []byte // the JSON before and after the text of Status

	mu       sync.Mutex // guards inspects; nothing is encoded meanwhile
	inspects map[inspectOptions]func() ([]byte, error)
}

// inspected is what container_inspect tells with opt, by encode or as it was encoded
// before.
func (r *row) inspected(opt inspectOptions, encode func() ([]byte, error)) ([]byte, error) {
	r.mu.Lock()
	once, ok := r.inspects[opt]
	if !ok {
		if r.inspects == nil {
			r.inspects = map[inspectOptions]func() ([]byte, error){}
		}
		once = sync.OnceValues(encode)
		r.inspects[opt] = once
	}
	r.mu.Unlock()
	return once()
}

// get prepares the row of s.
func (r *row) get(s *snapshot) *row {
	r.once.Do(func() {
		r.summary = makeRow(s)
		// Stands for the text of Status. Nobody knew the id when the labels were
		// chosen, so nothing else in the row can look like it.
		mark := "@" + s.rec.ID
		r.summary.Status = mark
		b, err := json.Marshal(&r.summary)
		if err == nil {
			if i := bytes.Index(b, []byte(mark)); i >= 0 {
				r.head, r.tail = b[:i], b[i+len(mark):]
			}
		}
		r.summary.Status = ""
	})
	return r
}

func makeRow(s *snapshot) api.ContainerSummary {
	rec := s.rec
	row := api.ContainerSummary{
		Id: rec.ID, Names: []string{rec.Name}, Image: rec.Config.Image, ImageID: rec.Image,
		Command: command(rec.Path, rec.Args), Created: rec.Created.Unix(),
		Ports: ports(&s.net), Labels: rec.Config.Labels, State: s.state.word(),
		Mounts: mountList(rec.MountPoints),
	}
	if row.Labels == nil {
		row.Labels = map[string]string{}
	}
	row.HostConfig.NetworkMode = s.host.NetworkMode
	row.HostConfig.Annotations = s.host.Annotations
	row.NetworkSettings.Networks = s.net.Networks
	if row.NetworkSettings.Networks == nil {
		row.NetworkSettings.Networks = map[string]*api.EndpointSettings{}
	}
	return row
}

// command is the workload on one line.
func command(path string, args []string) string {
	var b strings.Builder
	b.WriteString(path)
	for _, a := range args {
		if strings.Contains(a, " ") {
			a = "'" + a + "'"
		}
		b.WriteString(" " + a)
	}
	return b.String()
}

// ports lists exposed and published ports in a stable order.
func ports(net *api.NetworkSettings) []api.ContainerPort {
	list := make([]api.ContainerPort, 0, len(net.Ports))
	for port, bindings := range net.Ports {
		private, proto := port.Split()
		row := api.ContainerPort{PrivatePort: uint16(private), Type: proto}
		if len(bindings) == 0 {
			list = append(list, row)
		}
		for _, b := range bindings {
			public, _ := runconfig.Port(b.HostPort + "/" + proto).Split()
			row.IP, row.PublicPort = b.HostIp, uint16(public)
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(a, b api.ContainerPort) int {
		if a.PrivatePort != b.PrivatePort {
			return int(a.PrivatePort) - int(b.PrivatePort)
		}
		if c := strings.Compare(a.Type, b.Type); c != 0 {
			return c
		}
		if c := strings.Compare(a.IP, b.IP); c != 0 {
			return c
		}
		return int(a.PublicPort) - int(b.PublicPort)
	})
	return list
}

// mountList is the API's form of the mounts, by destination.
func mountList(points map[string]mountPoint) []api.MountPoint {
	list := make([]api.MountPoint, 0, len(points))
	for _, m := range points {
		list = append(list, api.MountPoint{
			Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination, Driver: m.Driver,
			Mode: m.Mode, RW: m.RW, Propagation: m.Propagation,
		})
	}
	slices.SortFunc(list, func(a, b api.MountPoint) int { return strings.Compare(a.Destination, b.Destination) })
	return list
}
