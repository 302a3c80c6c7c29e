package engine

import "time"

// Record is one run of a job as it is shown: first when the job is asked for
// (Ended is false), and again when it has ended. Secret arguments and env values
// are masked; of a job without a declaration (a forwarded one, too) every env
// value is, but the arguments are shown, so secrets belong into the env. Long
// texts are shortened. Its JSON form is what job_trace writes; durations are
// nanoseconds.
//
// A Record is shared by all who get it: do not change what it points to.
type Record struct {
	ID      string
	Parent  string `json:",omitempty"` // the job that it belongs to, also one of the calling engine
	Name    string
	Args    []string          `json:",omitempty"`
	Env     map[string]string `json:",omitempty"`
	Client  string            `json:",omitempty"` // Caller.Client
	Trace   string            `json:",omitempty"` // Caller.Trace
	Started time.Time

	// The rest is known at the end only.
	Ended    bool          `json:",omitempty"`
	Queued   time.Duration `json:",omitempty"` // how long it waited for its turn
	Duration time.Duration `json:",omitempty"` // from Started to the end, Queued included
	Status   Status        `json:",omitempty"`
	Kind     string        `json:",omitempty"` // the kind of the failure, empty when it ended well
	Error    string        `json:",omitempty"` // its text
	BytesIn  int64         `json:",omitempty"` // read from Stdin
	BytesOut int64         `json:",omitempty"` // written to Stdout and Stderr
	Phases   []Phase       `json:",omitempty"`
}
