package cgroups

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// OOMWatch tells when the kernel kills in groups for lack of memory. It costs a
// goroutine for all groups, and for each a descriptor (v1) or a mark on its
// file (v2). Make one with NewOOMWatch.
type OOMWatch struct {
	tell   func(name string)
	poll   *os.File // an epoll descriptor, itself polled by the runtime
	marks  int      // inotify, for v2
	over   sync.WaitGroup
	closed chan struct{}

	mu     sync.Mutex // guards the rest
	byName map[string]*oomGroup
	byKey  map[int32]*oomGroup // by event descriptor, or by mark
}

// oomGroup is a group that is watched.
type oomGroup struct {
	name  string
	group *Group
	key   int32
	seen  int  // kills that were told
	busy  bool // its counter is being looked at
	again bool // there was a signal meanwhile
}

// NewOOMWatch makes a watch. tell is called with the name of a group, once for
// all kills that were found at a time, on a goroutine of the watch; it must not
// block for long.
func NewOOMWatch(tell func(name string)) (*OOMWatch, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	marks, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, errors.Join(err, unix.Close(ep))
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(marks)}
	err = errors.Join(unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, marks, &event), unix.SetNonblock(ep, true))
	if err != nil {
		return nil, errors.Join(err, unix.Close(marks), unix.Close(ep))
	}
	w := &OOMWatch{
		tell: tell, poll: os.NewFile(uintptr(ep), "epoll"), marks: marks, closed: make(chan struct{}),
		byName: map[string]*oomGroup{}, byKey: map[int32]*oomGroup{},
	}
	w.over.Go(w.run)
	return w, nil
}

// Add begins to watch a group. Kills of before are not told. A host without the
// controller has nothing to watch.
func (w *OOMWatch) Add(name string, g *Group) error {
	if g == nil || !g.V2 && g.Paths["memory"] == "" {
		return nil
	}
	w.Remove(name)
	o := &oomGroup{name: name, group: g, seen: g.OOMKills()}
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	if g.V2 {
		err = w.mark(o)
	} else {
		err = w.subscribe(o)
	}
	if err != nil {
		return err
	}
	w.byName[name], w.byKey[o.key] = o, o
	return nil
}

func (w *OOMWatch) mark(o *oomGroup) error {
	wd, err := unix.InotifyAddWatch(w.marks, o.group.Paths[""]+"/memory.events", unix.IN_MODIFY)
	o.key = -int32(wd) // descriptors are positive
	return err
}

// subscribe asks a group of v1 to signal a descriptor.
func (w *OOMWatch) subscribe(o *oomGroup) error {
	dir := o.group.Paths["memory"]
	control, err := unix.Open(dir+"/memory.oom_control", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(control)
	signal, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return err
	}
	err = write(dir, "cgroup.event_control", strconv.Itoa(signal)+" "+strconv.Itoa(control))
	if err == nil {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(signal)}
		err = w.control(unix.EPOLL_CTL_ADD, signal, &event)
	}
	if err != nil {
		return errors.Join(err, unix.Close(signal))
	}
	o.key = int32(signal)
	return nil
}

func (w *OOMWatch) control(op, fd int, event *unix.EpollEvent) error {
	raw, err := w.poll.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = raw.Control(func(ep uintptr) { failure = unix.EpollCtl(int(ep), op, fd, event) })
	return errors.Join(err, failure)
}

// Watches tells whether the group of that name is watched.
func (w *OOMWatch) Watches(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.byName[name] != nil
}

// Remove ends the watching of a group. Who removes a group calls it: the kernel
// signals that a group of v1 has gone, but not always that one of v2 has.
func (w *OOMWatch) Remove(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o := w.byName[name]; o != nil {
		w.drop(o)
	}
}

// drop forgets a group. w.mu is held.
func (w *OOMWatch) drop(o *oomGroup) {
	if w.byKey[o.key] != o {
		return
	}
	delete(w.byKey, o.key)
	if w.byName[o.name] == o {
		delete(w.byName, o.name)
	}
	if o.key > 0 {
		unix.Close(int(o.key)) // leaves the epoll by itself
		return
	}
	_, _ = unix.InotifyRmWatch(w.marks, uint32(-o.key)) // it went with its file
}

// Close ends the watch. tell is not called any more.
func (w *OOMWatch) Close() error {
	close(w.closed)
	err := w.poll.Close()
	w.over.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.byName {
		w.drop(o)
	}
	return errors.Join(err, unix.Close(w.marks))
}

// run looks at groups that were signalled.
func (w *OOMWatch) run() {
	raw, err := w.poll.SyscallConn()
	if err != nil {
		return
	}
	var events [32]unix.EpollEvent
	for {
		n := 0
		err := raw.Read(func(ep uintptr) bool {
			n, _ = unix.EpollWait(int(ep), events[:], 0)
			return n > 0
		})
		if err != nil {
			return // closed
		}
		for _, e := range events[:n] {
			if int(e.Fd) == w.marks {
				w.readMarks()
			} else {
				w.signalled(e.Fd)
			}
		}
	}
}

// readMarks reads which files of v2 have changed.
func (w *OOMWatch) readMarks() {
	var buf [4096]byte
	n, err := unix.Read(w.marks, buf[:])
	if err != nil {
		return
	}
	for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
		wd := int32(binary.NativeEndian.Uint32(b))
		name := binary.NativeEndian.Uint32(b[12:])
		w.look(-wd)
		b = b[min(len(b), unix.SizeofInotifyEvent+int(name)):]
	}
}

// signalled takes the signal of a group of v1.
func (w *OOMWatch) signalled(fd int32) {
	w.mu.Lock()
	_, ours := w.byKey[fd]
	if ours {
		var count [8]byte
		_, _ = unix.Read(int(fd), count[:]) // what counts is the counter of the group
	}
	w.mu.Unlock()
	w.look(fd)
}

// look compares the counter of a group with what was told. A signal may come
// before the kill that it announces, and one comes when the group is removed.
func (w *OOMWatch) look(key int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.byKey[key]
	if o == nil {
		return
	}
	if o.busy {
		o.again = true
		return
	}
	o.busy = true
	w.over.Go(func() {
		for wait := 2 * time.Millisecond; wait < 300*time.Millisecond; wait *= 2 {
			kills, err := o.group.oomKills()
			if w.judge(o, kills, err) {
				return
			}
			select {
			case <-time.After(wait):
			case <-w.closed:
				return
			}
		}
		w.mu.Lock()
		o.busy, o.again = false, false
		w.mu.Unlock()
	})
}

// judge tells what a counter says, and whether that was all.
func (w *OOMWatch) judge(o *oomGroup, kills int, err error) (done bool) {
	w.mu.Lock()
	if err != nil {
		w.drop(o)
		w.mu.Unlock()
		return true
	}
	more := kills > o.seen
	if more {
		done = !o.again
		o.seen, o.busy, o.again = kills, !done, false
	}
	w.mu.Unlock()
	if more {
		w.tell(o.name)
	}
	return done
}

// OOMKills counts the processes of the group that the kernel has killed for lack
// of memory.
func (g *Group) OOMKills() int {
	n, _ := g.oomKills() // a group that is gone has none
	return n
}

func (g *Group) oomKills() (int, error) {
	file := g.Paths["memory"] + "/memory.oom_control"
	if g.V2 {
		file = g.Paths[""] + "/memory.events"
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			return strconv.Atoi(strings.TrimSpace(n))
		}
	}
	return 0, nil
}
