// Package run runs the commands of a build in containers: one RUN is create,
// attach, start and wait, the same jobs as for `docker run`, as children of the
// job of the build. The caller commits the container and then removes it here.
//
// A Runner owns the directory builder below the root of the engine: the caches of
// RUN --mount=type=cache in caches, and in run what is mounted for one command
// only. Secrets lie on a tmpfs only. What a killed daemon left there Recover clears;
// its containers are transient, so that the daemon itself removes them when it is
// started again.
//
// Start reading at Runner.Run. The package must not import daemon or graph: it
// asks for containers by jobs.
package run

import (
	"io"
	"io/fs"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/runconfig"
)

// Options say where a Runner works.
type Options struct {
	Engine *engine.Engine // has the jobs create, attach, start, wait, kill and rm
	Root   string         // a directory of the Runner's own, on the disk of the images
	// Runtime is a directory on a tmpfs that is gone at a boot, for secrets. Empty, or
	// on a disk: one is mounted for each command that has secrets, which takes root.
	Runtime string
	Logf    func(format string, args ...any)
	Now     func() time.Time // nil: time.Now
}

// Request is one command of a build.
type Request struct {
	// Config is that of the container: Image (an id), Cmd (the whole argument list),
	// Env, User, WorkingDir and so on. It is not changed.
	Config *runconfig.Config
	// Host has the limits, network mode, extra hosts, ulimits and security options.
	// Nil means the defaults. It is not changed.
	Host   *runconfig.HostConfig
	Mounts []Mount
	// Below is the root of the image, to be read only: Stubs are found in it. Empty:
	// all targets are stubs.
	Below string
	// Stdout and Stderr get the output while it is written. They may block, which
	// does not delay a cancel. Nil drops it.
	Stdout, Stderr io.Writer
	// Started, if set, is called once with the id of the container, before its
	// command runs.
	Started func(id string)
	// Keep makes a container that is left behind in any case (build --rm=false): it
	// survives a restart of the daemon, and costs more. See Leave for others.
	Keep bool
}

// The types of mounts.
const (
	Bind   = "bind"
	CacheT = "cache"
	Tmpfs  = "tmpfs"
	Secret = "secret"
	SSH    = "ssh"
)

// How the users of one cache share it.
const (
	Shared  = "shared"  // all at once; the default
	Private = "private" // another user at the same time gets another, new one
	Locked  = "locked"  // one after the other
)

// Mount is one --mount of a RUN, with all variables expanded.
type Mount struct {
	Type   string
	Target string // relative ones are below WorkingDir; for secret and ssh empty: the default
	// From is the directory of the host that a bind shows or that a new cache is
	// filled from; Source is the path in it ("" is all of it). Links in Source never
	// lead out of From.
	From, Source string
	FromID       string // names what From shows: caches that begin with something else are others
	ID           string // of a cache, a secret or an agent; empty: the default
	ReadOnly     bool   // a bind that is not: what is written is dropped afterwards
	Sharing      string // of a cache
	UID, GID     int
	Mode         fs.FileMode // permissions of a cache (0: 0755), a secret (0: 0400) or a socket (0: 0600)
	Size         int64       // of a tmpfs in bytes; 0: no limit of its own
	Required     bool        // of a secret or an agent that is not there: an error
	Data         []byte      // of a secret; nil: there is none of this ID
	Env          string      // secret: the variable that has it; with no Target there is no file
	Socket       string      // of the agent on this host; empty: there is none
}

// Result is how a command ended.
type Result struct {
	Container string // exists still
	ExitCode  int
	// Stubs are the targets of mounts, and the directories above them, that the image
	// does not have, with its links followed: where nothing else is in them they are
	// no part of what the command made.
	Stubs []string
}

// Cache is one cache of RUN --mount=type=cache.
type Cache struct {
	Key         string // names it to Prune
	ID          string // the id= of the mount
	Description string
	Size        int64 // bytes on disk
	InUse       bool
	Created     time.Time
	LastUsed    time.Time
	Uses        int
}

// Filter chooses caches to remove. Those in use stay.
type Filter struct {
	Keys  []string         // only these; empty: all
	Until time.Time        // only those last used before; zero: all
	Match func(Cache) bool // nil: all

	// Bytes. When one of them is set, only as much is removed as they ask for, first
	// what was not used for longest: until no more than MaxUsed are in use, and MinFree
	// are free on the disk, but never below Reserved.
	Reserved, MaxUsed, MinFree int64
}
