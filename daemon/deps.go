package daemon

import (
	"context"
	"io"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/mount"
)

// imageStore is what the daemon needs of images: who they are.
type imageStore interface {
	Image(ref string) (*image.Image, error)
	ImageCount() int
	LayersSize() int64 // of all layers of images, each once
	layerStore
	driverFacts
}

// layerStore keeps the writable layers, named by container ids.
type layerStore interface {
	CreateLayer(id string, img *image.Image) error
	LayerOnImage(id string, img *image.Image) error // as a layer without the mount points of a container
	RemoveLayer(id string) error                    // of none is no error
	ContainerLayers() []string                      // ids of those that exist
	Mounts(id string) ([]mount.Mount, error)
	ExpendableMounts(id string) ([]mount.Mount, error) // for one that a power cut may take
	MountLayer(id string) (string, error)
	UnmountLayer(id string) error
	LayerSize(ctx context.Context, id string) (int64, error)
	Changes(ctx context.Context, id string) ([]graphdriver.Change, error)
	CommitName(repo, tag string) error // what is wrong with a name
	Commit(ctx context.Context, c image.Commit) (*image.Image, error)
}

// driverFacts are shown by info and inspect.
type driverFacts interface {
	DriverName() string
	DriverStatus() [][2]string
	LayerMetadata(id string) (map[string]string, error)
}

// nameStore keeps names and links. Each method is one transaction.
type nameStore interface {
	// Create gives a free name to a container and calls publish as one step: the
	// name is kept only if publish succeeds. A taken name is a Conflict.
	Create(name, id string, publish func() error) error
	// Rename changes the name of a container.
	Rename(oldName, newName string) error
	// Link lets parent reach child under an alias; Unlink ends that.
	Link(parent, alias, child string) error
	Unlink(parent, alias string) error
	// Purge forgets a container: names, and links from and to it.
	Purge(id string) error
	// Check makes the store hold exactly these names, by container id.
	Check(names map[string]string) error
}

// Defaults are for containers that do not say; the zero value is Docker's.
type Defaults struct {
	IpcMode         string // private or shareable; empty: private
	CgroupnsMode    string // private or host; empty: host with cgroup v1, else private
	ShmSize         int64  // bytes of /dev/shm; 0: 64 MiB
	Seccomp         string // a profile's JSON or "unconfined"; empty: the built-in profile
	SeccompName     string // what info calls it
	NoNewPrivileges bool
}

// Options configure a Daemon. Root, Engine, Images, Exec and Names are needed.
type Options struct {
	Root   string // the daemon's directory
	Engine *engine.Engine
	Images imageStore
	Exec   execdriver.Driver
	Names  nameStore

	Name        string            // "name" of info; the host's when empty
	ID          string            // identity shown by info; the engine's when empty
	Version     string            // ServerVersion of info
	Labels      []string          // of the daemon
	Debug       bool              // shown by info
	DNS         []string          // for containers that name none
	DNSSearch   []string          // likewise
	DNSOptions  []string          // likewise
	LogDriver   string            // of containers that name none; empty: json-file
	LogOpts     map[string]string // its options
	Ulimits     []string          // defaults, "nofile=1024:2048"
	CgroupRoot  string            // default CgroupParent of containers
	NoNetwork   bool              // no bridge: containers get a loopback interface only
	LiveRestore bool              // containers go on when the daemon stops
	StopTimeout time.Duration     // for containers at shutdown that name none; 0: 10 s
	Init        bool              // --init for containers that do not say
	Defaults    Defaults          // more of that kind
	ResolvConf  string            // host's resolv.conf; empty: the usual places
	HostsFile   string            // host's hosts file; empty: /etc/hosts
	ProcDir     string            // empty: /proc
	SysDir      string            // empty: /sys

	Registries *api.RegistryConfig // shown by info; nil: none are configured

	Firewall     string            // what writes packet filter rules, shown by info
	AddressPools []api.AddressPool // where networks get subnets from, shown by info
	Warnings     []string          // what is wrong with the configuration, shown by info

	Now  func() time.Time                 // nil: time.Now
	Logf func(format string, args ...any) // nil: discard
	Rand io.Reader                        // nil: crypto/rand
}
