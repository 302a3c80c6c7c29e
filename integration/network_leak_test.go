package integration

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// The leak loop: clients make, use and remove networks in any order while the
// daemon is killed at random moments and started again. After each kill, what was
// answered must be so; in the end the host must be as it was.

var (
	leakOperations = flag.Int("leak.operations", 300, "network operations of TestNetworkLeaks")
	leakSeed       = flag.Uint64("leak.seed", 0, "seed of TestNetworkLeaks; 0 takes one from the clock")
)

const (
	leakWorkers  = 3
	leakNetworks = 4 // of each worker, at most
	leakBoxes    = 5
	leakKillEach = 25 // operations, on average
)

// leak is one run of the loop.
type leak struct {
	t      *testing.T
	d      *daemonproc.Daemon
	h      *netHost
	api    *caller
	killed atomic.Bool  // the daemon was killed in this round
	left   atomic.Int64 // operations to do
	kills  int
	done   map[string]int
}

// leakNet and leakBox are what a client knows. An unsure one was the object of
// an operation whose answer never came.
type leakNet struct {
	name   string
	unsure string
}

type leakBox struct {
	name   string
	unsure string
	nets   map[string]bool
	perhap map[string]bool // connects and disconnects whose answer never came
	past   []string
}

func (b *leakBox) String() string { return fmt.Sprintf("%s (%s)", b.name, strings.Join(b.past, ", ")) }

// leakWorker is a client with networks and containers of its own; it puts them
// on those of others, too.
type leakWorker struct {
	l      *leak
	number int
	made   int
	rand   *rand.Rand
	nets   []*leakNet
	boxes  []*leakBox
	done   map[string]int
}

// TestNetworkLeaks is the loop. It prints its seed; the same seed asks for the
// same operations, though not at the same moments.
func TestNetworkLeaks(t *testing.T) {
	seed := *leakSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-leak.seed=%d)", seed, seed)
	daemonproc.Require(t)
	reapOrphans(t)
	h := newNetHost(t, "leak")
	h.uplink()
	before := h.state()
	d := h.daemon("ejtleak0", "-D")
	l := &leak{t: t, d: d, h: h, api: newCaller(d), done: map[string]int{}}
	operations := *leakOperations
	if testing.Short() {
		operations = min(operations, 60)
	}
	l.left.Store(int64(operations))
	var workers []*leakWorker
	for i := range leakWorkers {
		workers = append(workers, &leakWorker{l: l, number: i, rand: rand.New(rand.NewPCG(seed, uint64(i+1))), done: map[string]int{}})
	}
	dice := rand.New(rand.NewPCG(seed, 0))
	for l.left.Load() > 0 && !t.Failed() {
		l.round(workers, dice)
	}
	l.removeAll(workers)
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stopping the last daemon: %d, %v", code, err)
	}
	l.compare(before)
	t.Logf("%d kills, operations: %v", l.kills, l.done)
}

// uplink gives a host a way out that leads nowhere.
func (h *netHost) uplink() {
	h.sysctl("net/ipv6/conf/default/accept_dad", "0")
	h.must("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "cable")
	for _, link := range []string{"uplink", "cable"} {
		h.must("ip", "link", "set", link, "up")
	}
	h.must("ip", "addr", "add", "192.0.2.1/24", "dev", "uplink")
	h.must("ip", "route", "add", "default", "via", "192.0.2.254")
	for _, link := range []string{"uplink", "cable"} { // the kernel gives them addresses, which takes a moment
		if !daemonproc.Poll(10*time.Second, func() bool {
			out := h.must("ip", "-o", "-6", "addr", "show", "dev", link, "scope", "link")
			return strings.Contains(out, "fe80:") && !strings.Contains(out, "tentative")
		}) {
			h.t.Fatalf("%s has no address", link)
		}
	}
}

// round works, kills, brings back and checks.
func (l *leak) round(workers []*leakWorker, dice *rand.Rand) {
	l.killed.Store(false)
	until := l.left.Load() - int64(1+dice.IntN(2*leakKillEach))
	var all sync.WaitGroup
	stop := make(chan struct{})
	for _, w := range workers {
		all.Go(func() { w.work(stop) })
	}
	daemonproc.Poll(time.Minute, func() bool { return l.left.Load() <= max(until, 0) })
	l.killed.Store(true)
	if err := l.d.Kill9(); err != nil {
		l.t.Fatal(err)
	}
	l.kills++
	close(stop)
	all.Wait()
	l.h.do(l.d.Start)
	for _, w := range workers {
		for op, n := range w.done {
			l.done[op] += n
		}
		clear(w.done)
	}
	l.check(workers)
}

func (w *leakWorker) work(stop <-chan struct{}) {
	for w.l.left.Add(-1) >= 0 {
		select {
		case <-stop:
			return
		default:
		}
		if !w.step() {
			return
		}
	}
}

// step does one operation and tells whether its answer came.
func (w *leakWorker) step() bool {
	ops := []string{"netcreate", "netrm", "run", "run", "connect", "connect", "connect", "disconnect", "disconnect", "stop", "rm", "rename", "restart"}
	op := ops[w.rand.IntN(len(ops))]
	switch {
	case len(w.nets) == 0, op == "netcreate" && len(w.nets) < leakNetworks:
		op = "netcreate"
	case len(w.boxes) == 0, op == "run" && len(w.boxes) < leakBoxes:
		op = "run"
	case op == "netcreate", op == "run":
		op = "connect"
	}
	ctx, cancel := context.WithTimeout(w.l.t.Context(), 30*time.Second)
	defer cancel()
	err := w.do(ctx, op)
	var refused *apiError
	switch {
	case err == nil:
		w.done[op]++
		return true
	case errors.As(err, &refused) && (refused.status == http.StatusNotModified || refused.status/100 == 4):
		w.done[op+" refused"]++
		return true
	case !w.l.killed.Load():
		w.l.t.Errorf("%s: %v", op, err)
	}
	return false
}

func (w *leakWorker) do(ctx context.Context, op string) error {
	switch op {
	case "netcreate":
		return w.netCreate(ctx)
	case "netrm":
		return w.netRemove(ctx)
	case "run":
		return w.run(ctx)
	}
	b := w.boxes[w.rand.IntN(len(w.boxes))]
	err := w.change(ctx, b, op)
	b.note(op, err)
	return err
}

// note remembers an operation, for messages.
func (b *leakBox) note(op string, err error) {
	if err != nil {
		op += fmt.Sprintf(" [%v]", err)
	}
	b.past = append(b.past, op)
}

// change does one operation on a container.
func (w *leakWorker) change(ctx context.Context, b *leakBox, op string) error {
	path := "/containers/" + b.name
	switch op {
	case "connect", "disconnect":
		return w.plug(ctx, b, op)
	case "stop":
		return w.l.api.call(ctx, "POST", path+"/stop?t=0", nil, nil)
	case "restart":
		return w.l.api.call(ctx, "POST", path+"/restart?t=0", nil, nil)
	case "rename":
		name := w.name("b")
		b.unsure = name
		err := w.l.api.call(ctx, "POST", path+"/rename?name="+name, nil, nil)
		if answered(err) {
			b.unsure = ""
		}
		if err == nil {
			b.name = name
		}
		return err
	}
	b.unsure = "rm"
	err := w.l.api.call(ctx, "DELETE", path+"?force=1&v=1", nil, nil)
	if err == nil {
		w.boxes = slices.DeleteFunc(w.boxes, func(x *leakBox) bool { return x == b })
	}
	if answered(err) {
		b.unsure = ""
	}
	return err
}

// answered tells whether the daemon has said yes or no.
func answered(err error) bool {
	var refused *apiError
	return err == nil || errors.As(err, &refused)
}

func (w *leakWorker) name(kind string) string {
	w.made++
	return fmt.Sprintf("%s%d-%d", kind, w.number, w.made)
}

func (w *leakWorker) netCreate(ctx context.Context) error {
	n := &leakNet{name: w.name("n"), unsure: "create"}
	body := map[string]any{"Name": n.name, "EnableIPv6": w.rand.IntN(3) == 0, "Internal": w.rand.IntN(4) == 0}
	if w.rand.IntN(3) == 0 {
		body["Options"] = map[string]string{"com.docker.network.bridge.enable_icc": "false"}
	}
	w.nets = append(w.nets, n)
	err := w.l.api.call(ctx, "POST", "/networks/create", body, nil)
	if answered(err) {
		n.unsure = ""
	}
	if answered(err) && err != nil {
		w.nets = w.nets[:len(w.nets)-1]
	}
	return err
}

func (w *leakWorker) netRemove(ctx context.Context) error {
	n := w.nets[w.rand.IntN(len(w.nets))]
	n.unsure = "rm"
	err := w.l.api.call(ctx, "DELETE", "/networks/"+n.name, nil, nil)
	if answered(err) {
		n.unsure = ""
	}
	if err == nil {
		w.nets = slices.DeleteFunc(w.nets, func(x *leakNet) bool { return x == n })
	}
	return err
}

// run makes and starts a container, most of them with ports.
func (w *leakWorker) run(ctx context.Context) error {
	b := &leakBox{name: w.name("b"), unsure: "create", nets: map[string]bool{}, perhap: map[string]bool{}}
	mode := w.nets[w.rand.IntN(len(w.nets))].name
	if w.rand.IntN(4) == 0 {
		mode = "bridge"
	}
	host := map[string]any{"NetworkMode": mode}
	if w.rand.IntN(3) > 0 {
		host["PortBindings"] = map[string]any{"80/tcp": []map[string]string{{}}, "53/udp": []map[string]string{{"HostIp": "127.0.0.1"}}}
	}
	body := map[string]any{"Image": "busybox", "Cmd": []string{"sleep", "1000"}, "HostConfig": host}
	w.boxes = append(w.boxes, b)
	err := w.l.api.call(ctx, "POST", "/containers/create?name="+b.name, body, nil)
	if answered(err) {
		b.unsure = ""
	}
	if err != nil {
		if answered(err) {
			w.boxes = w.boxes[:len(w.boxes)-1]
		}
		return err
	}
	b.nets[mode] = true
	err = w.l.api.call(ctx, "POST", "/containers/"+b.name+"/start", nil, nil)
	b.note("start on "+mode, err)
	return err
}

func (w *leakWorker) plug(ctx context.Context, b *leakBox, op string) error {
	n := w.nets[w.rand.IntN(len(w.nets))].name
	if op == "disconnect" && len(b.nets) > 0 && w.rand.IntN(5) > 0 {
		n = sortedKeys(b.nets)[w.rand.IntN(len(b.nets))]
	}
	err := w.l.api.call(ctx, "POST", "/networks/"+n+"/"+op, map[string]any{"Container": b.name}, nil)
	b.note(n, nil)
	switch {
	case err == nil && op == "connect":
		b.nets[n] = true
	case err == nil:
		delete(b.nets, n)
	case !answered(err):
		b.perhap[n] = true
	}
	return err
}

func sortedKeys(m map[string]bool) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// removeAll removes every container and network.
func (l *leak) removeAll(workers []*leakWorker) {
	ctx := l.t.Context()
	for _, w := range workers {
		for _, b := range w.boxes {
			if err := l.api.call(ctx, "DELETE", "/containers/"+b.name+"?force=1&v=1", nil, nil); err != nil {
				l.t.Errorf("removing %s: %v", b.name, err)
			}
		}
	}
	for _, w := range workers {
		for _, n := range w.nets {
			if err := l.api.call(ctx, "DELETE", "/networks/"+n.name, nil, nil); err != nil {
				l.t.Errorf("removing %s: %v", n.name, err)
			}
		}
	}
	if list := entriesOf(l.t, l.d.Root+"/networks"); len(list) != 3 { // the predefined ones
		l.t.Errorf("definitions were left: %q", list)
	}
	if links := l.h.must("ip", "-o", "link", "show", "type", "bridge"); strings.Count(links, "\n") != 1 {
		l.t.Errorf("bridges were left:\n%s", links)
	}
	if links := l.h.must("ip", "-o", "link", "show", "master", "ejtleak0"); strings.Count(links, "\n") > 3 { // those that are kept ready
		l.t.Errorf("interfaces were left:\n%s", links)
	}
}

// compare demands that the host is as it was.
func (l *leak) compare(before string) {
	var list []string
	daemonproc.Poll(5*time.Second, func() bool { // the kernel takes its time for namespaces
		list = changes(before, l.h.state())
		return len(list) == 0
	})
	if len(list) > 0 {
		l.t.Errorf("the host has changed:\n%s", strings.Join(list, "\n"))
	}
}
