package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// slowStep is how long an operation may take and not be talked about.
const slowStep = 2 * time.Second

// crashWorker is a client with containers of its own.
type crashWorker struct {
	c      *crash
	number int
	made   int
	round  int
	rand   *rand.Rand
	boxes  []*crashBox
	done   map[string]int
}

// crashBox is what a client knows of a container.
type crashBox struct {
	id, name  string
	code      int    // its workload ends with this
	long      bool   // its workload ends only when it is told to
	policy    string // restart policy
	starts    int    // that were answered
	perhaps   int    // that were not
	signalled bool   // somebody has asked for its end since its last start
	paused    bool   // pausing was asked for, perhaps in vain
	lost      bool   // since its last start, there was a moment without anybody who would know its end
	cut       string // the operation whose answer never came
	newName   string // of a rename whose answer never came
	history   []string
}

func (b *crashBox) String() string {
	return fmt.Sprintf("%s (%.12s, code %d, long %v, policy %q, cut off %q; %s)", b.name, b.id, b.code, b.long, b.policy, b.cut, strings.Join(b.history, ", "))
}

// work does one operation after the other until it is stopped.
func (w *crashWorker) work(ctx context.Context, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if !w.step(ctx) {
			return
		}
	}
}

// step does one operation. It tells whether its answer came.
func (w *crashWorker) step(ctx context.Context) bool {
	if n := len(w.boxes); n == 0 || n < crashPeople && w.rand.IntN(4) == 0 {
		return w.create(ctx)
	}
	b := w.boxes[w.rand.IntN(len(w.boxes))]
	ops := []string{"start", "start", "start", "stop", "kill", "rm", "rename", "pause", "unpause", "logs", "restart", "exec", "exec"}
	op := ops[w.rand.IntN(len(ops))]
	if b.starts == 0 && b.perhaps == 0 {
		op = "start"
	}
	began := time.Now()
	err := w.do(ctx, b, op)
	if took := time.Since(began); took > slowStep {
		w.c.t.Logf("%s of %s took %v: %v", op, b, took, err)
	}
	b.history = append(b.history, fmt.Sprintf("%d: %s", w.round, op))
	var refused *apiError
	switch {
	case err == nil:
		w.done[op]++
		if op == "start" || op == "restart" { // of what the exec engine has answered
			w.c.engaged.Store(!w.c.broken.Load())
		}
		return true
	case errors.As(err, &refused) && (refused.status == http.StatusConflict || refused.status == http.StatusNotModified):
		b.history[len(b.history)-1] += " refused"
		return true
	case !w.c.killed.Load():
		w.c.t.Errorf("%s of %s: %v", op, b, err)
	}
	b.cut = op
	if op == "start" || op == "restart" {
		b.perhaps++
	}
	b.history[len(b.history)-1] += " cut off"
	return false
}

// do asks for one operation and notes what its answer means.
func (w *crashWorker) do(ctx context.Context, b *crashBox, op string) error {
	path := "/containers/" + b.id
	post := func(suffix string) error { return w.c.api.call(ctx, "POST", path+suffix, nil, nil) }
	switch op {
	case "start":
		err := post("/start")
		if err == nil {
			b.starts++
			b.signalled, b.paused, b.lost = false, false, false
		}
		return err
	case "stop", "kill":
		b.signalled = true
		return post(map[string]string{"stop": "/stop?t=0", "kill": "/kill"}[op])
	case "restart":
		b.signalled = true
		err := post("/restart?t=0")
		if err == nil {
			b.starts++
			b.signalled, b.paused, b.lost = false, false, false
		}
		return err
	case "pause":
		b.paused = true
		return post("/pause")
	case "unpause":
		err := post("/unpause")
		if err == nil {
			b.paused = false
		}
		return err
	case "rename":
		b.newName = w.name()
		err := post("/rename?name=" + b.newName)
		if err == nil {
			b.name, b.newName = b.newName, ""
		}
		return err
	case "logs":
		return w.c.api.call(ctx, "GET", path+"/logs?stdout=1&stderr=1", nil, nil)
	case "exec":
		return w.exec(ctx, b)
	}
	b.signalled = true
	err := w.c.api.call(ctx, "DELETE", path+"?force=1&v=1", nil, nil)
	if err == nil {
		w.drop(b)
	}
	return err
}

func (w *crashWorker) drop(b *crashBox) {
	for i, x := range w.boxes {
		if x == b {
			w.boxes = append(w.boxes[:i], w.boxes[i+1:]...)
			return
		}
	}
}

// exec runs one more process in a container.
func (w *crashWorker) exec(ctx context.Context, b *crashBox) error {
	before, err := w.pid(ctx, b)
	if err != nil {
		return err
	}
	var made struct{ ID string }
	body := map[string]any{"Cmd": []string{"sh", "-c", "exit 5"}, "AttachStdout": true}
	if err := w.c.api.call(ctx, "POST", "/containers/"+b.id+"/exec", body, &made); err != nil {
		return err
	}
	var refused *apiError
	err = w.c.api.call(ctx, "POST", "/exec/"+made.ID+"/start", map[string]any{"Detach": w.rand.IntN(2) == 0}, nil)
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil // its container has just ended
	}
	if err != nil {
		return err
	}
	var now struct {
		Running  bool
		ExitCode *int
	}
	err = w.c.api.call(ctx, "GET", "/exec/"+made.ID+"/json", nil, &now)
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil // its container has ended, and was started again
	}
	if now.ExitCode != nil && *now.ExitCode == 126 && w.c.broken.Load() {
		return err // its exec engine was killed before it had been executed
	}
	if err == nil && !now.Running && now.ExitCode != nil && *now.ExitCode != 5 && *now.ExitCode != 137 && b.long {
		after, perr := w.pid(ctx, b)
		if perr == nil && after == before && after != 0 {
			w.c.t.Errorf("exec in %s ended with %d, want 5; the container is process %d, which is %s", b, *now.ExitCode, after, process(after))
		}
	}
	return err
}

// pid is that of a container's workload.
func (w *crashWorker) pid(ctx context.Context, b *crashBox) (int, error) {
	var now crashState
	err := w.c.api.call(ctx, "GET", "/containers/"+b.id+"/json", nil, &now)
	return now.State.Pid, err
}

// name makes one that was never used.
func (w *crashWorker) name() string {
	w.made++
	return fmt.Sprintf("w%d-%d", w.number, w.made)
}

// create makes a container of a random kind. One whose answer never came is
// looked for by its name.
func (w *crashWorker) create(ctx context.Context) bool {
	b := &crashBox{name: w.name(), code: 3 + w.rand.IntN(90), long: w.rand.IntN(2) == 0}
	script := fmt.Sprintf("echo begin; usleep %d; exit %d", w.rand.IntN(60_000), b.code)
	if b.long {
		script = fmt.Sprintf("trap 'exit %d' TERM; echo begin; sleep 1000 & wait", b.code)
	}
	host := map[string]any{"NetworkMode": []string{"none", "bridge"}[w.rand.IntN(2)]}
	if w.rand.IntN(5) == 0 {
		b.policy = []string{"always", "unless-stopped", "on-failure"}[w.rand.IntN(3)]
		host["RestartPolicy"] = map[string]any{"Name": b.policy, "MaximumRetryCount": map[string]int{"on-failure": 2}[b.policy]}
	}
	if w.rand.IntN(3) == 0 && host["NetworkMode"] == "bridge" {
		host["PortBindings"] = map[string]any{"80/tcp": []map[string]string{{"HostIp": "127.0.0.1"}}}
	}
	body := map[string]any{"Image": "busybox", "Cmd": []string{"sh", "-c", script}, "HostConfig": host}
	if w.rand.IntN(2) == 0 {
		body["Volumes"] = map[string]any{"/data": struct{}{}}
	}
	var made struct{ ID string }
	err := w.c.api.call(ctx, "POST", "/containers/create?name="+b.name, body, &made)
	b.id = made.ID
	w.boxes = append(w.boxes, b)
	if err == nil {
		w.done["create"]++
		return true
	}
	if !w.c.killed.Load() {
		w.c.t.Errorf("create of %s: %v", b.name, err)
	}
	b.cut = "create"
	return false
}
