package api

// ExecInspect is the answer of the job exec_inspect (GET /exec/{id}/json).
type ExecInspect struct {
	ID            string `json:"ID"`
	ContainerID   string `json:"ContainerID"`
	Running       bool
	ExitCode      *int // null until it has ended
	Pid           int  // in the host's namespace, 0 when it does not run
	ProcessConfig ExecProcess
	OpenStdin     bool
	OpenStdout    bool
	OpenStderr    bool
	CanRemove     bool
	DetachKeys    string
}

// ExecProcess is what an exec runs, in the spelling of the first versions.
type ExecProcess struct {
	Tty        bool     `json:"tty"`
	Entrypoint string   `json:"entrypoint"`
	Arguments  []string `json:"arguments"`
	Privileged *bool    `json:"privileged,omitempty"`
	User       string   `json:"user,omitempty"`
}

// ExecCreate is the body of POST /containers/{id}/exec.
type ExecCreate struct {
	User         string `json:",omitempty"`
	Privileged   bool   `json:",omitempty"`
	Tty          bool
	ConsoleSize  *[2]uint `json:",omitempty"` // height, width
	AttachStdin  bool
	AttachStdout bool
	AttachStderr bool
	DetachKeys   string   `json:",omitempty"`
	Env          []string `json:",omitempty"`
	WorkingDir   string   `json:",omitempty"`
	Cmd          []string
}

// ExecStart is the body of POST /exec/{id}/start.
type ExecStart struct {
	Detach      bool
	Tty         bool
	ConsoleSize *[2]uint `json:",omitempty"`
}
