package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/pkg/netns"
)

// leakState is what the daemon says of a container.
type leakState struct {
	Name  string
	State struct {
		Status string
		Pid    int
	}
	NetworkSettings struct {
		Networks map[string]api.EndpointSettings
	}
}

// check compares what the clients know with what the daemon says, and that with
// what is in the namespaces of the containers.
func (l *leak) check(workers []*leakWorker) {
	if !daemonproc.Poll(30*time.Second, func() bool {
		text := jobs(l.t, l.d)
		return !strings.Contains(text, `"create"`) && !strings.Contains(text, `"rm"`) && !strings.Contains(text, `"network_`)
	}) {
		l.t.Errorf("what nobody waits for any more does not end: %s", jobs(l.t, l.d))
	}
	given := map[string]string{}
	for _, w := range workers {
		w.nets = slices.DeleteFunc(w.nets, func(n *leakNet) bool { return !l.networkThere(n) })
	}
	for _, w := range workers {
		w.boxes = slices.DeleteFunc(w.boxes, func(b *leakBox) bool { return !l.boxThere(b, given) })
	}
	l.strangers(workers)
}

// networkThere finds out what became of a network.
func (l *leak) networkThere(n *leakNet) bool {
	var now api.Network
	err := l.api.call(l.t.Context(), "GET", "/networks/"+n.name, nil, &now)
	gone := statusOf(err) == http.StatusNotFound
	switch {
	case gone && n.unsure == "":
		l.t.Errorf("network %s is gone", n.name)
	case err != nil && !gone:
		l.t.Errorf("network %s: %v", n.name, err)
	}
	n.unsure = ""
	return !gone
}

func statusOf(err error) int {
	if refused, ok := err.(*apiError); ok { //nolint:errorlint // caller wraps nothing
		return refused.status
	}
	return 0
}

// boxThere finds out what became of a container and compares its networks with
// what is real. given is who has which address.
func (l *leak) boxThere(b *leakBox, given map[string]string) bool {
	var now leakState
	err := l.api.call(l.t.Context(), "GET", "/containers/"+b.name+"/json", nil, &now)
	if statusOf(err) == http.StatusNotFound && b.unsure != "" && b.unsure != "rm" && b.unsure != "create" {
		b.name = b.unsure
		err = l.api.call(l.t.Context(), "GET", "/containers/"+b.name+"/json", nil, &now)
	}
	gone := statusOf(err) == http.StatusNotFound
	if err != nil {
		if !gone || b.unsure != "rm" && b.unsure != "create" {
			l.t.Errorf("container %s (%s): %v", b.name, b.unsure, err)
		}
		return !gone
	}
	unsure := b.unsure
	b.unsure = ""
	for name := range now.NetworkSettings.Networks {
		if !b.nets[name] && !b.perhap[name] && unsure != "create" {
			l.t.Errorf("container %s is on network %s, where nobody put it", b, name)
		}
		b.nets[name] = true
	}
	for name := range b.nets {
		if _, ok := now.NetworkSettings.Networks[name]; !ok {
			if !b.perhap[name] {
				l.t.Errorf("container %s is not on network %s any more", b, name)
			}
			delete(b.nets, name)
		}
	}
	clear(b.perhap)
	if now.State.Status == "running" {
		l.compareInside(b, &now, given)
	}
	return true
}

// compareInside demands that a running container has the addresses that the
// daemon tells, and no others, and that nobody else has them.
func (l *leak) compareInside(b *leakBox, now *leakState, given map[string]string) {
	var want []string
	for name, e := range now.NetworkSettings.Networks {
		if e.IPAddress == "" && e.GlobalIPv6Address == "" {
			l.t.Errorf("container %s runs without an address on %s", b.name, name)
		}
		for _, ip := range []string{e.IPAddress, e.GlobalIPv6Address} {
			if ip == "" {
				continue
			}
			want = append(want, ip)
			if other := given[ip]; other != "" {
				l.t.Errorf("%s and %s both have %s", other, b.name, ip)
			}
			given[ip] = b.name
		}
	}
	got, err := addressesIn(now.State.Pid)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		l.t.Errorf("container %s has the addresses %v and should have %v: %v", b, got, want, err)
	}
}

// addressesIn lists the addresses of a process's network namespace.
func addressesIn(pid int) (list []string, err error) {
	ns, err := netns.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	h := &netHost{name: "container", ns: ns}
	defer ns.Close()
	text, err := h.run("ip", "-j", "addr")
	if err != nil {
		return nil, err
	}
	var links []struct {
		AddrInfo []struct{ Local, Scope string } `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(text), &links); err != nil {
		return nil, err
	}
	for _, link := range links {
		for _, a := range link.AddrInfo {
			if a.Scope == "global" {
				list = append(list, a.Local)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

// strangers looks for networks and containers that nobody knows of.
func (l *leak) strangers(workers []*leakWorker) {
	known := map[string]bool{"bridge": true, "host": true, "none": true}
	for _, w := range workers {
		for _, n := range w.nets {
			known[n.name] = true
		}
		for _, b := range w.boxes {
			known["/"+b.name] = true
		}
	}
	var nets []api.Network
	var boxes []struct{ Names []string }
	for path, to := range map[string]any{"/networks": &nets, "/containers/json?all=1": &boxes} {
		if err := l.api.call(l.t.Context(), "GET", path, nil, to); err != nil {
			l.t.Error(err)
		}
	}
	for _, n := range nets {
		if !known[n.Name] {
			l.t.Errorf("network %s is there, which was removed", n.Name)
		}
		if n.Driver != "bridge" || n.Name == "bridge" {
			continue
		}
		if _, err := os.Stat(l.d.Root + "/networks/" + n.Id + ".json"); err != nil {
			l.t.Errorf("network %s: %v", n.Name, err)
		}
	}
	for _, b := range boxes {
		if len(b.Names) > 0 && !known[b.Names[0]] {
			l.t.Errorf("container %s is there, which was removed", b.Names[0])
		}
	}
}
