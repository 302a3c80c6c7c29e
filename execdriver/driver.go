// Package execdriver owns the contract of execution drivers: who turns a
// Command into a running process and tells when it has ended. It has no state;
// implementations are the sub-packages, chosen by execdriver/execdrivers, and
// each passes the suite in execdriver/exectest. Start reading at Driver, then
// Command. It must import nothing above pkg.
package execdriver

import (
	"context"
	"os"
	"time"
)

// Output is where a workload's raw output goes while somebody is attached. The
// files are write ends of pipes or sockets; the driver owns and closes them,
// also when it fails. With a terminal only Stdout is used. Nil files are not
// wanted. They are closed after the last byte when the workload has ended.
type Output struct {
	Stdout *os.File
	Stderr *os.File
}

// Exit tells how a workload ended, or a process that Exec added to one.
type Exit struct {
	ID        string    `json:"id"`
	Container string    `json:"container,omitempty"` // of an exec: where it ran; "" for a container itself
	Code      int       `json:"code"`                // exit status, or 128+signal
	OOMKilled bool      `json:"oom_killed,omitempty"`
	At        time.Time `json:"at"`
}

// State is what a driver knows of one container. Exit is nil while it runs.
type State struct {
	ID        string    `json:"id"`
	Pid       int       `json:"pid"` // of the workload's first process, in the host's namespace
	StartedAt time.Time `json:"started_at"`
	Exit      *Exit     `json:"exit,omitempty"`
	Paused    bool      `json:"paused,omitempty"`
	// Warnings, from Start only: what was asked for and this host cannot give.
	Warnings []string `json:"warnings,omitempty"`
	// Phases, from Start only: how long its parts took, one after the other, where
	// the driver measures that.
	Phases []Phase `json:"-"`
}

// Phase is a part of a start. Names are constants of the driver.
type Phase struct {
	Name string
	Took time.Duration
}

// StartError says which step of a start failed, and on what. It is wrapped in
// an errdefs kind: NotFound for a missing program (exit code 127),
// Forbidden for one that cannot be executed (126), else Internal or
// InvalidArgument (125... 128).
type StartError struct {
	Step   string // "mount", "cgroup", "exec"…
	Object string // a path, a name
	Err    error
}

// Error gives one sentence.
func (e *StartError) Error() string {
	if e.Object == "" {
		return e.Step + ": " + e.Err.Error()
	}
	return e.Step + " " + e.Object + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Driver runs containers. It is safe for concurrent use, and no call on one
// container waits for another. Unknown ids fail with NotFound, ended ones with
// Conflict.
type Driver interface {
	// Name and version: "native-1.0".
	Name() string
	// Start runs the command and returns when the workload has been executed.
	// On failure nothing of it is left. out is connected before the first byte.
	Start(ctx context.Context, cmd *Command, out Output) (State, error)
	// Exec runs one more process in a running container and returns when it has
	// been executed. From then on Stdin, CloseStdin, Resize and Signal take
	// cmd.ID, and OnExit reports its end, with the Container; then the ID is
	// unknown again: it needs no Remove, and Restore does not list it. Files of out that are nil mean that nobody
	// wants the output: it goes to the null device and blocks nobody. Nothing is
	// logged. The process ends with its container, and its end is reported all
	// the same, once. When ctx ends before Exec has returned the process is
	// killed. The files of out are write ends of pipes, and the process writes
	// straight into them: who holds the other ends reads until their end, also
	// what his client does not want any more, else the process is blocked. That
	// end comes after the process's own when it has left others behind that hold
	// them; how long to wait for those is the reader's choice. Errors are as Start's; NotFound without the Code of a missing
	// program: no such container; Conflict: it does not run, or is paused, or the
	// ID is taken.
	Exec(ctx context.Context, cmd *ExecCommand, out Output) (State, error)
	// Attach adds one more receiver of the raw output, from now on.
	Attach(ctx context.Context, id string, out Output) error
	// Stdin returns a duplicate of the writable end of the workload's input (the
	// terminal, if it has one). The caller closes it. NotFound when the command
	// had no open stdin; CloseStdin ends the input itself.
	Stdin(ctx context.Context, id string) (*os.File, error)
	CloseStdin(ctx context.Context, id string) error
	// Resize sets the size of the terminal in characters.
	Resize(ctx context.Context, id string, height, width uint16) error
	// Signal sends a signal to the workload's first process.
	Signal(ctx context.Context, id string, sig int) error
	// Pause freezes all processes of the container and returns when the last one
	// stands still; Unpause lets them go on. Doing it twice is no failure. A
	// frozen container takes signals when it goes on, except SIGKILL, which
	// ends it at once.
	Pause(ctx context.Context, id string) error
	Unpause(ctx context.Context, id string) error
	// Pids lists all processes of the container, in the host's namespace.
	Pids(ctx context.Context, id string) ([]int, error)
	// Stats reads one sample of what a running container uses. It costs less than
	// a millisecond and waits for nobody.
	Stats(ctx context.Context, id string) (*Stats, error)
	// Update changes the limits of a running container to those that are set in r:
	// zero leaves a limit as it is, -1 takes it away (Memory, MemorySwap, CPUQuota,
	// PidsLimit). Rlimits cannot be changed. Either all is set or, with an error
	// that names the limit, nothing has changed. The warnings name what the host
	// cannot set.
	Update(ctx context.Context, id string, r Resources) (warnings []string, err error)
	// OnExit sets the one receiver of exits. It is called once per container and
	// once per exec, on a goroutine of its own; for a container after the last
	// output was logged and the exit was recorded on disk. Containers that ended
	// while nobody listened are reported by State.Exit of Restore instead; execs
	// that did are told when they can be, else forgotten. Set it before Restore
	// and Start.
	OnExit(func(Exit))
	// OnOOM sets the one receiver of kills for lack of memory. It is called with
	// the ID of a container in which the kernel has killed, whether the container
	// lives on or not: then its Exit says so too. Kills at the same time are told
	// once. It is called on a goroutine of its own and must not block.
	OnOOM(func(id string))
	// Restore lists the containers that earlier daemons left running or ended
	// and not removed.
	Restore(ctx context.Context) ([]State, error)
	// Remove forgets an ended container (record, cgroups, state directory).
	Remove(ctx context.Context, id string) error
	// RootPath is a path through which the running container's root can be
	// reached from the host ("/proc/PID/root").
	RootPath(id string) (string, error)
	// Info is shown by the job info.
	Info() Info
	// Close lets go of the driver. Containers go on running.
	Close() error
}

// Info describes what the driver's host can do.
type Info struct {
	CgroupVersion string // "1" or "2"
	CgroupDriver  string // "cgroupfs"
	MemoryLimit   bool
	SwapLimit     bool
	PidsLimit     bool
	CPUShares     bool
	CPUQuota      bool
	CPUSet        bool
	CPURealtime   bool
	OOMControl    bool
	BlkioWeight   bool // weights of block devices
	BlkioThrottle bool // rates of block devices
	Seccomp       bool
	AppArmor      bool
}
