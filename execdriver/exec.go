package execdriver

// ExecCommand is one more process in a running container. It joins all
// namespaces and the control groups of the container, whatever the container
// itself shares with the host.
type ExecCommand struct {
	ID        string // unique among containers and execs
	Container string

	// Process has a complete Env. Dir, User and Groups are resolved inside the
	// container, as at its start; an empty Dir is "/". A terminal is one of the
	// container's own.
	Process Process
	// Security is what a Command has; MaskedPaths and ReadonlyPaths mean nothing
	// here, the container's mounts are what they are.
	Security Security
	Rlimits  []Rlimit
}
