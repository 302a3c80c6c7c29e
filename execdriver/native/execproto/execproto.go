// Package execproto owns what the daemon's half of the native driver and the
// exec engine say to each other: the names of the exec engine's jobs, and the
// JSON documents that they take and give. It has no state and no behaviour.
// Start reading at the list of jobs. It imports only pkg, so that both halves,
// one of them a very small program, can use it.
package execproto

import (
	"path/filepath"
	"time"

	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// The jobs of the exec engine.
//
//	launch ID        env spec (JSON Spec), attach (see below); stdin: the body of
//	                 an initproto Setup; stdout: Launched, also when it fails;
//	                 hands out the container's descriptors in the order of Files
//	adopt ID         env record (JSON Record), attach (see below); files as handed
//	                 out by launch, then the receivers: takes over a container
//	                 whose exec engine died, with those who were attached
//	collected ID CODE  tells the exit code of an adopted container, which only
//	                 its parent can know on kernels before 6.15
//	attach ID        env attach: streams with commas, "stdout" or "stderr"; files:
//	                 one receiver for each
//	exec ID          env spec (JSON ExecSpec), attach: what the files are, of
//	                 "stdin", "stdout", "stderr" (the workload's ends) and "life",
//	                 which ends with the daemon; stdin: the body of an initproto
//	                 Setup; stdout: Executed, also when it fails; hands out the
//	                 process and, if there is one, the terminal
//	close_stdin ID   ends the workload's input
//	list             stdout: JSON list of Record
//	exits            stdout: JSON lines of Exit, first those that ended before
//	                 and were not removed, and execs of which nobody was told;
//	                 until cancelled
//	restore          takes up what earlier exec engines left on record and nobody
//	                 has handed over; their output is lost, their exit may be
//	share ID         hands out the descriptors again, to a new daemon
//	remove ID        forgets a container that has ended
//	quit             ends the exec engine, Conflict while a container runs
const (
	JobLaunch     = "launch"
	JobAdopt      = "adopt"
	JobAttach     = "attach"
	JobCollected  = "collected"
	JobCloseStdin = "close_stdin"
	JobList       = "list"
	JobExec       = "exec"
	JobExits      = "exits"
	JobRemove     = "remove"
	JobRestore    = "restore"
	JobShare      = "share"
	JobQuit       = "quit"
)

// Spec is what the exec engine has to know of a container; the rest is between
// the driver and the init.
type Spec struct {
	ID           string         `json:"id"`
	Log          logdriver.Spec `json:"log"`
	CgroupParent string         `json:"cgroup_parent"`
	Limits       cgroups.Limits `json:"limits"`
	CloneFlags   uint64         `json:"clone_flags"`        // namespaces made by the clone
	PIDPath      string         `json:"pid_path,omitempty"` // pid namespace to start in
	Tty          bool           `json:"tty,omitempty"`
	OpenStdin    bool           `json:"open_stdin,omitempty"`
}

// Files tells the order in which descriptors are handed over: the process, the
// journal of unlogged output, then the terminal, or stdout, stderr, and stdin
// where there is one.
const (
	FilePidfd = iota
	FileJournal
	FileStdout
	FileStderr
	FileStdin
)

// Record is the state of a container as it is kept on disk and as list gives it.
type Record struct {
	ID        string         `json:"id"`
	Pid       int            `json:"pid"`
	StartTime uint64         `json:"start_time"` // of the process, in ticks: tells it from a later one
	StartedAt time.Time      `json:"started_at"`
	Log       logdriver.Spec `json:"log"`
	Group     *cgroups.Group `json:"group,omitempty"`
	Tty       bool           `json:"tty,omitempty"`
	OpenStdin bool           `json:"open_stdin,omitempty"`
	OwnPID    bool           `json:"own_pid,omitempty"` // in a pid namespace of its own
	Exit      *Exit          `json:"exit,omitempty"`
}

// RecordPath is where the record of a container is, in the directory of records.
func RecordPath(dir, id string) string { return filepath.Join(dir, id+".json") }

// DraftPath is where it is until its start is finished.
func DraftPath(dir, id string) string { return RecordPath(dir, id) + ".new" }

// Exit is the end of a container, or of an exec in one.
type Exit struct {
	ID        string    `json:"id"`
	Container string    `json:"container,omitempty"` // of an exec
	Code      int       `json:"code"`
	OOMKilled bool      `json:"oom_killed,omitempty"`
	At        time.Time `json:"at"`
}

// Launched is the answer of launch.
type Launched struct {
	Record   *Record  `json:"record,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Phases   []Phase  `json:"phases,omitempty"`
	Failure  *Failure `json:"failure,omitempty"` // with an error of the job
}

// ExecSpec is what the exec engine has to know of one more process.
type ExecSpec struct {
	ID        string `json:"id"`
	Container string `json:"container"`
	Tty       bool   `json:"tty,omitempty"`
}

// Executed is the answer of exec.
type Executed struct {
	Pid       int       `json:"pid"`
	StartedAt time.Time `json:"started_at"`
	Warnings  []string  `json:"warnings,omitempty"`
	Phases    []Phase   `json:"phases,omitempty"`
	Failure   *Failure  `json:"failure,omitempty"` // with an error of the job
}

// Phase is one measured part of a launch and when it ended, counted from the
// beginning of the job.
type Phase struct {
	Name string        `json:"name"`
	At   time.Duration `json:"at"`
}

// Failure says which step failed on what.
type Failure struct {
	Step   string `json:"step"`
	Object string `json:"object,omitempty"`
	Errno  uint32 `json:"errno,omitempty"`
	Text   string `json:"text"`
}
