package spawn_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/spawn"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
)

// The test binary is also the child of the tests, as any program is that calls
// Main first.
func TestMain(m *testing.M) {
	spawn.Main(install)
	os.Exit(m.Run())
}

func install(eng *engine.Engine) error {
	return eng.Declare(
		engine.Declaration{Name: "risky", Args: []engine.Arg{{Name: "N"}}, Stdout: engine.Bytes, Handler: risky},
		engine.Declaration{Name: "whoami", Stdout: engine.JSONDocument, Handler: whoami},
		engine.Declaration{Name: "hang", Stdout: engine.Bytes, Waits: true, Handler: hang},
		engine.Declaration{Name: "deaf", Handler: func(*engine.Job) error { select {} }},
		engine.Declaration{Name: "open", Args: []engine.Arg{{Name: "PATH"}}, Handler: openFile},
	)
}

// risky crashes the process for odd numbers.
func risky(job *engine.Job) error {
	if n, err := strconv.Atoi(job.Args[0]); err != nil || n%2 == 1 {
		os.Exit(3)
	}
	job.Printf("fine")
	return nil
}

type identity struct {
	Env           []string
	PID, PPID     int
	UID           int
	Dir, Caller   string
	CallerPID     int
	Descriptors   []string
	ParentOfChild string
}

func whoami(job *engine.Job) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	var open []string
	for fd := range 64 {
		if to, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err == nil {
			open = append(open, to)
		}
	}
	fmt.Fprintln(os.Stderr, "a message")
	return job.WriteJSON(identity{
		Env: os.Environ(), PID: os.Getpid(), PPID: os.Getppid(), UID: os.Getuid(), Dir: dir,
		Caller: job.Caller().Network, CallerPID: job.Caller().PID, Descriptors: open, ParentOfChild: job.ParentID(),
	})
}

func hang(job *engine.Job) error {
	job.Printf("x")
	<-job.Context().Done()
	return job.Context().Err()
}

func openFile(job *engine.Job) error {
	f, err := os.Open(job.Args[0])
	if err == nil {
		job.AddResultFile(f)
	}
	return err
}

func start(t *testing.T, o spawn.Options) (*engine.Engine, *spawn.Sub) {
	t.Helper()
	eng := enginetest.New(t)
	o.ID = eng.ID()
	sub, err := spawn.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
		noChildren(t)
	})
	eng.RegisterCatchall(sub.Handle)
	return eng, sub
}

// noChildren checks that no process is left, be it as a zombie.
func noChildren(t *testing.T) {
	t.Helper()
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

func TestStart(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	var messages bytes.Buffer
	eng, sub := start(t, spawn.Options{Env: []string{"A=1"}, Stderr: &messages})
	t.Setenv("SECRET_OF_THE_PARENT", "1")
	var who identity
	if err := eng.Job("whoami").OutputJSON(&who); err != nil {
		t.Fatal(err)
	}
	if len(who.Env) != 1 || who.Env[0] != "A=1" || who.PID != sub.PID() || who.PPID != os.Getpid() || who.Dir != "/" {
		t.Errorf("the child is %+v", who)
	}
	if who.Caller != "spawn" || who.CallerPID != os.Getpid() || !strings.HasPrefix(who.ParentOfChild, eng.String()) {
		t.Errorf("its job was called by %+v", who)
	}
	for _, to := range who.Descriptors {
		// The runtime itself reads the limits of its cgroup.
		if strings.HasPrefix(to, "/") && to != os.DevNull && !strings.HasPrefix(to, "/sys/fs/cgroup/") {
			t.Errorf("the child has %s open", to)
		}
	}
	job := eng.Job("open", "/proc/self/stat")
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	f := job.ResultFiles()[0]
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || !strings.HasPrefix(string(text), strconv.Itoa(sub.PID())) {
		t.Errorf("the descriptor of the child reads %.20q, %v", text, err)
	}
	if err := eng.Job("nothing").Run(); !errdefs.Is(err, errdefs.KindUnknownJob) {
		t.Errorf("got %v", err)
	}
	if err := sub.Close(); err != nil || messages.String() != "a message\n" {
		t.Errorf("got %q, %v", messages.String(), err)
	}
	if err := sub.Err(); err == nil || !strings.Contains(err.Error(), "exit status 0") {
		t.Errorf("the child ended with: %v", err)
	}
	if err := eng.Job("whoami").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("a job after the end: %v", err)
	}
}

// The child does not outlive its connection, whatever its handlers do.
func TestCloseKills(t *testing.T) {
	eng, sub := start(t, spawn.Options{Grace: 100 * time.Millisecond})
	over := make(chan error, 1)
	go func() { over <- eng.Job("deaf").Run() }()
	time.Sleep(50 * time.Millisecond)
	begin := time.Now()
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("closing took %v", d)
	}
	if err := <-over; !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestStartFails(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	for _, path := range []string{"/nonexistent", "/bin/true"} {
		if _, err := spawn.Start(spawn.Options{Path: path}); !errdefs.Is(err, errdefs.KindUnavailable) {
			t.Errorf("%s: %v", path, err)
		}
	}
	noChildren(t)
}

// hanging starts n jobs that hang and waits until all are there.
func hanging(t *testing.T, eng *engine.Engine, n int) (over chan error) {
	t.Helper()
	over = make(chan error, n)
	var begun sync.WaitGroup
	for range n {
		begun.Add(1)
		job := eng.Job("hang")
		job.Stdout.Add(writerFunc(begun.Done))
		go func() { over <- job.Run() }()
	}
	begun.Wait()
	return over
}

type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

// Ten jobs run when the child is killed: ten times Unavailable at once, and the
// next job runs in a new child.
func TestKillInTheMiddleOfTenJobs(t *testing.T) {
	eng := enginetest.New(t)
	super := spawn.Supervise(spawn.Options{})
	defer noChildren(t)
	defer super.Close()
	eng.RegisterCatchall(super.Handle)
	for round := range 3 {
		over := hanging(t, eng, 10)
		begin := time.Now()
		if err := syscall.Kill(super.Sub().PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if err := <-over; !errdefs.Is(err, errdefs.KindUnavailable) {
				t.Errorf("got %v", err)
			}
		}
		if d := time.Since(begin); d > 100*time.Millisecond {
			t.Errorf("the jobs failed after %v", d)
		}
		var who identity
		if err := eng.Job("whoami").OutputJSON(&who); err != nil || who.PID == 0 {
			t.Errorf("round %d: the next job: %v", round, err)
		}
		t.Logf("all failed and the next one was done after %v", time.Since(begin))
	}
	if n := super.Restarts(); n != 3 {
		t.Errorf("%d restarts", n)
	}
}

// One that does not come up is not tried in a hot loop, and jobs are told.
func TestSupervisePatience(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	eng := enginetest.New(t)
	super := spawn.Supervise(spawn.Options{Path: "/bin/false", Patience: 300 * time.Millisecond})
	eng.RegisterCatchall(super.Handle)
	err := eng.Job("whoami").Run()
	if !errdefs.Is(err, errdefs.KindUnavailable) || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("got %v", err)
	}
	if n := super.Restarts(); n < 2 || n > 10 {
		t.Errorf("%d starts in 300 ms", n)
	}
	if err := super.Close(); err != nil {
		t.Error(err)
	}
	if err := eng.Job("whoami").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	noChildren(t)
}

// A handler that crashes runs in a process of its own. The program calls
// spawn.Main(install) first thing in main, with the function that puts the
// handler on an engine.
func ExampleSupervise() {
	eng := engine.New()
	own := spawn.Supervise(spawn.Options{Stderr: os.Stderr})
	defer own.Close()
	if err := eng.Register("risky", own.Handle); err != nil {
		panic(err)
	}
	for _, n := range []string{"2", "3", "4"} {
		out, err := eng.Job("risky", n).Output()
		fmt.Printf("%s: %s %v\n", n, out, errdefs.Is(err, errdefs.KindUnavailable))
	}
	// Output:
	// 2: fine false
	// 3:  true
	// 4: fine false
}
