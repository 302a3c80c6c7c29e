package client

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/reference"
)

// psListing is ps for --format.
func psListing(size bool) listing {
	l := listing{
		table: `{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}`,
		raw: "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\n" +
			"status: {{- pad .Status 1 0}}\nnames: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n",
		header: header{
			"ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "CreatedAt": "CREATED AT", "RunningFor": "CREATED",
			"Ports": "PORTS", "Status": "STATUS", "State": "STATE", "Size": "SIZE", "Names": "NAMES", "Labels": "LABELS",
			"Mounts": "MOUNTS", "Networks": "NETWORKS", "LocalVolumes": "LOCAL VOLUMES", "Platform": "PLATFORM",
		},
	}
	if size {
		l.table += `\t{{.Size}}`
		l.raw += "size: {{.Size}}\n"
	}
	return l
}

// psRow is a container as --format shows it: its methods are the fields of a
// template, their texts those of today's clients.
type psRow struct {
	cli  *CLI
	c    api.ContainerSummary
	long bool // --no-trunc
}

// ID is the short id, or the whole one with --no-trunc.
func (r psRow) ID() string {
	if r.long {
		return r.c.Id
	}
	return shortID(r.c.Id)
}

// Image is the image's name as the container was created with it, without its
// digest unless all is wanted.
func (r psRow) Image() string {
	name := r.c.Image
	switch {
	case name == "":
		return "<no image>"
	case r.long:
		return name
	}
	id := shortID(r.c.ImageID)
	if short := shortID(name); short == id && len(name) >= len(id) || strings.HasPrefix(name, "sha256:") {
		return short
	}
	if ref, err := reference.Parse(name); err == nil {
		ref.Digest = ""
		return ref.FamiliarString()
	}
	return name
}

// Command is cut first and quoted afterwards.
func (r psRow) Command() string {
	text := r.c.Command
	if !r.long {
		text = fit(text, 20)
	}
	return strconv.Quote(text)
}

// RunningFor is the age.
func (r psRow) RunningFor() string { return r.cli.since(time.Unix(r.c.Created, 0)) }

// CreatedAt is the time of the creation.
func (r psRow) CreatedAt() string { return time.Unix(r.c.Created, 0).String() }

// Status is the state in words.
func (r psRow) Status() string { return r.c.Status }

// State is the state in one word.
func (r psRow) State() string { return r.c.State }

// Platform is that of the image, where a daemon tells it.
func (r psRow) Platform() *string { return nil }

// Ports lists exposed and published ports; those in a row are one.
func (r psRow) Ports() string { return portRanges(r.c.Ports) }

// Names is the container's own name, or all with --no-trunc.
func (r psRow) Names() string {
	var names []string
	for _, name := range r.c.Names {
		name = strings.TrimPrefix(name, "/")
		if !r.long && !strings.Contains(name, "/") {
			return name
		}
		names = append(names, name)
	}
	return strings.Join(names, ",")
}

// Size is what the container wrote, and with its image.
func (r psRow) Size() string {
	return r.sizes(func(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) })
}

func (r psRow) sizes(text func(int64) string) string {
	var written, total int64
	if r.c.SizeRw != nil {
		written = *r.c.SizeRw
	}
	if r.c.SizeRootFs != nil {
		total = *r.c.SizeRootFs
	}
	if total > 0 {
		return fmt.Sprintf("%s (virtual %s)", text(written), text(total))
	}
	return text(written)
}

// Labels lists all labels.
func (r psRow) Labels() string { return labelList(r.c.Labels) }

// Label is the value of one label.
func (r psRow) Label(name string) string { return r.c.Labels[name] }

// Mounts lists volume names and host paths.
func (r psRow) Mounts() string {
	list := make([]string, 0, len(r.c.Mounts))
	for _, m := range r.c.Mounts {
		name := m.Name
		if name == "" {
			name = m.Source
		}
		if !r.long {
			name = fit(name, 15)
		}
		list = append(list, name)
	}
	return strings.Join(list, ",")
}

// LocalVolumes counts the volumes.
func (r psRow) LocalVolumes() string {
	n := 0
	for _, m := range r.c.Mounts {
		if m.Driver == "local" || m.Driver == "" && m.Type == "volume" {
			n++
		}
	}
	return strconv.Itoa(n)
}

// Networks lists the networks.
func (r psRow) Networks() string {
	list := make([]string, 0, len(r.c.NetworkSettings.Networks))
	for name := range r.c.NetworkSettings.Networks {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// MarshalJSON makes {{json .}} show the row and not its source.
func (r psRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"ID": r.ID(), "Image": r.Image(), "Command": r.Command(), "CreatedAt": r.CreatedAt(), "RunningFor": r.RunningFor(),
		"Ports": r.Ports(), "Status": r.Status(), "State": r.State(), "Names": r.Names(), "Labels": r.Labels(),
		"Mounts": r.Mounts(), "Networks": r.Networks(), "LocalVolumes": r.LocalVolumes(), "Size": r.Size(), "Platform": r.Platform(),
	})
}

// portRanges shows ports as today's clients do: exposed ones and those with the
// same number outside first, neighbours as a range, then the others.
func portRanges(ports []api.ContainerPort) string {
	type run struct {
		ip, proto   string
		first, last uint16
	}
	text := func(r *run) string {
		span := strconv.Itoa(int(r.first))
		if r.first != r.last {
			span += "-" + strconv.Itoa(int(r.last))
		}
		if r.ip != "" {
			span = net.JoinHostPort(r.ip, span) + "->" + span
		}
		return span + "/" + r.proto
	}
	list := slices.Clone(ports)
	slices.SortFunc(list, comparePorts)
	var open []*run // the last run of each address and protocol, in the order of their first ports
	var ended, others []string
	for _, p := range list {
		if p.IP != "" && p.PublicPort != p.PrivatePort {
			others = append(others, fmt.Sprintf("%s->%d/%s", net.JoinHostPort(p.IP, strconv.Itoa(int(p.PublicPort))), p.PrivatePort, p.Type))
			continue
		}
		i := slices.IndexFunc(open, func(r *run) bool { return r.ip == p.IP && r.proto == p.Type })
		switch {
		case i < 0:
			open = append(open, &run{p.IP, p.Type, p.PrivatePort, p.PrivatePort})
		case p.PrivatePort == open[i].last+1:
			open[i].last = p.PrivatePort
		default:
			ended = append(ended, text(open[i]))
			open[i].first, open[i].last = p.PrivatePort, p.PrivatePort
		}
	}
	for _, r := range open {
		ended = append(ended, text(r))
	}
	return strings.Join(append(ended, others...), ", ")
}

func comparePorts(a, b api.ContainerPort) int {
	switch {
	case a.PrivatePort != b.PrivatePort:
		return int(a.PrivatePort) - int(b.PrivatePort)
	case a.IP != b.IP:
		return strings.Compare(a.IP, b.IP)
	case a.PublicPort != b.PublicPort:
		return int(a.PublicPort) - int(b.PublicPort)
	}
	return strings.Compare(a.Type, b.Type)
}
