// Package exectest owns the suite that every execution driver passes. It has no
// state. Start reading at Run; a driver's test calls it with a Harness. It is
// for tests only and nothing else may import it.
//
// Workloads are written in the words that both busybox and the fake driver know:
// echo, cat, sleep, seq, pwd, id -u, env, stty size and sh -c.
package exectest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Harness is one implementation under test.
type Harness struct {
	// Open makes a driver. The second call of one test finds what the first left.
	Open func(t *testing.T) execdriver.Driver
	// Command makes a command with a usable root; the suite sets ID, args, logs.
	Command func(t *testing.T) *execdriver.Command
}

// patience bounds every wait of the suite.
const patience = 20 * time.Second

// Run runs the suite; setup is called once per test.
func Run(t *testing.T, setup func(t *testing.T) Harness) {
	tests := []struct {
		name string
		run  func(*suite)
	}{
		{"ExitCodes", exitCodes},
		{"OutputIsSeparate", outputIsSeparate},
		{"LogIsWritten", logIsWritten},
		{"MissingProgram", missingProgram},
		{"MissingProgramLeavesNothing", failureLeavesNothing},
		{"Signals", signals},
		{"Stdin", stdin},
		{"AttachLate", attachLate},
		{"ReceiverVanishes", receiverVanishes},
		{"Terminal", terminal},
		{"UnknownID", unknownID},
		{"StartTwice", startTwice},
		{"RemoveRunning", removeRunning},
		{"Pause", pause},
		{"KillPaused", killPaused},
		{"RestorePaused", restorePaused},
		{"Restore", restore},
		{"Concurrent", concurrent},
		{"CanceledStart", canceledStart},
		{"ExecCodes", execCodes},
		{"ExecOutput", execOutput},
		{"ExecFails", execFails},
		{"ExecProcess", execProcess},
		{"ExecStdin", execStdin},
		{"ExecTerminal", execTerminal},
		{"ExecEndsWithContainer", execEndsWithContainer},
		{"ExecWhileDying", execWhileDying},
		{"ExecConcurrent", execConcurrent},
		{"ExecPaused", execPaused},
		{"ExecOutlivesDriver", execOutlivesDriver},
		{"Stats", stats},
		{"Update", update},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) { tc.run(newSuite(t, setup(t))) })
	}
}

// suite is the state of one test.
type suite struct {
	*testing.T
	h      Harness
	d      execdriver.Driver
	ctx    context.Context
	dir    string
	number int

	mu    sync.Mutex
	exits map[string]chan execdriver.Exit
}

func newSuite(t *testing.T, h Harness) *suite {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	s := &suite{T: t, h: h, ctx: ctx, dir: t.TempDir(), exits: map[string]chan execdriver.Exit{}}
	s.open()
	t.Cleanup(s.clean)
	return s
}

func (s *suite) open() {
	s.d = s.h.Open(s.T)
	s.d.OnExit(func(e execdriver.Exit) { s.exited(e.ID) <- e })
}

// exited is the channel for the one exit of a container. A second one would block
// its caller and fail the test in wait.
func (s *suite) exited(id string) chan execdriver.Exit {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exits[id] == nil {
		s.exits[id] = make(chan execdriver.Exit, 1)
	}
	return s.exits[id]
}

// clean ends what a test left, and the driver.
func (s *suite) clean() {
	states, err := s.d.Restore(context.Background())
	if err != nil {
		s.Errorf("restore at the end: %v", err)
	}
	for _, st := range states {
		if st.Exit == nil {
			_ = s.d.Signal(context.Background(), st.ID, int(syscall.SIGKILL)) // it may have ended meanwhile
			s.wait(st.ID)
		}
		if err := s.d.Remove(context.Background(), st.ID); err != nil {
			s.Errorf("remove %s: %v", st.ID, err)
		}
	}
	if err := s.d.Close(); err != nil {
		s.Errorf("close: %v", err)
	}
}

func (s *suite) command(args ...string) *execdriver.Command {
	s.number++
	cmd := s.h.Command(s.T)
	cmd.ID = fmt.Sprintf("exectest%d_%d", os.Getpid(), s.number)
	cmd.Process.Args = args
	cmd.Log = execdriver.LogSpec{Driver: "json-file", Path: filepath.Join(s.dir, cmd.ID+"-json.log")}
	return cmd
}

// output collects what a workload prints.
type output struct {
	done           sync.WaitGroup
	stdout, stderr bytes.Buffer
}

func (s *suite) output() (*output, execdriver.Output) {
	s.Helper()
	o := new(output)
	connect := func(b *bytes.Buffer) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			s.Fatal(err)
		}
		o.done.Go(func() {
			defer r.Close()
			_, _ = io.Copy(b, r) // the end of the pipe is all that matters
		})
		return w
	}
	return o, execdriver.Output{Stdout: connect(&o.stdout), Stderr: connect(&o.stderr)}
}

func (s *suite) start(cmd *execdriver.Command, out execdriver.Output) execdriver.State {
	s.Helper()
	st, err := s.d.Start(s.ctx, cmd, out)
	if err != nil {
		s.Fatalf("start %v: %v", cmd.Process.Args, err)
	}
	if st.ID != cmd.ID || st.Pid <= 0 || st.StartedAt.IsZero() {
		s.Errorf("start %v: state %+v", cmd.Process.Args, st)
	}
	return st
}

func (s *suite) wait(id string) execdriver.Exit {
	s.Helper()
	select {
	case e := <-s.exited(id):
		return e
	case <-time.After(patience):
		s.Fatalf("container %s did not end", id)
		return execdriver.Exit{}
	}
}

func (s *suite) kind(err error, want errdefs.Kind, doing string) {
	s.Helper()
	if !errdefs.Is(err, want) {
		s.Errorf("%s: error %v of kind %v, want kind %v", doing, err, errdefs.KindOf(err), want)
	}
}

// logged reads a container's log: the text of one stream.
func (s *suite) logged(cmd *execdriver.Command, stream string) string {
	s.Helper()
	b, err := os.ReadFile(cmd.Log.Path)
	if err != nil {
		s.Fatal(err)
	}
	var text strings.Builder
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var e struct {
			Log, Stream string
			Time        time.Time
		}
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return text.String()
		} else if err != nil {
			s.Fatalf("log %s: %v", b, err)
		}
		if e.Time.IsZero() {
			s.Errorf("an entry has no time: %+v", e)
		}
		if e.Stream == stream {
			text.WriteString(e.Log)
		}
	}
}
