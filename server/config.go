package server

import (
	"os"
	"strings"
	"time"

	"github.com/enginejobs/docker/daemon"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Logger is the log of the process; logrus satisfies it.
type Logger interface {
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Config is everything that a daemon can be told. Root is needed; the zero
// value of the rest is sensible, but see Network.
type Config struct {
	Root     string // what lasts; created 0700, symbolic links resolved
	ExecRoot string // what lasts until the host restarts; empty: Root/run
	Pidfile  string // empty: none
	TrustKey string // identity; empty: Root/key.json

	Hosts       []string // addresses that serveapi listens on
	SocketGroup string   // of unix sockets; empty leaves it alone
	CORS        string   // origin that web pages may have; empty: none
	TLS         TLS

	// Access names a policy of package access: "open", "read-only" or a file.
	// Empty: whoever reaches a listener may run everything, and no tcp listener
	// is opened without verified client certificates.
	Access string
	// MaxReads and MaxWrites bound the jobs of clients that run at once; 0 is no
	// bound. See DefaultMaxReads.
	MaxReads, MaxWrites int

	StorageDriver string            // empty: what the root has, else overlay
	StorageOpts   []string          // key=value
	ExecDriver    string            // empty: native
	Exec          execdriver.Driver // tests: this one instead
	Dockerinit    []byte            // program of the exec engine, embedded in this one; empty: DockerinitPath
	// DockerinitPath is the file with the program of the exec engine; empty: the
	// file dockerinit beside the running program.
	DockerinitPath string
	Network        Network

	LogDriver string            // of containers that name none; empty: json-file
	LogOpts   map[string]string // its options

	Labels       []string // key=value, shown by info
	Debug        bool
	CgroupParent string   // of containers that name none; "" is the exec driver's
	Ulimits      []string // of containers that do not set them, "nofile=1024:2048"

	Containers Containers
	Registries Registries

	LiveRestore bool // containers run on when the daemon stops
	Guest       bool // the process is not the daemon's: its memory is left alone

	// ShutdownTimeout bounds a stop; 0 means 30 seconds.
	ShutdownTimeout time.Duration

	Log    Logger              // nil discards
	Now    func() time.Time    // nil: time.Now
	Getenv func(string) string // nil: an empty environment
	Euid   func() int          // nil: os.Geteuid
}

// Containers is what containers get that do not say.
type Containers struct {
	Init            bool          // an init of ours as process 1
	IpcMode         string        // private or shareable; empty: private
	CgroupnsMode    string        // private or host; empty: host with cgroup v1, else private
	ShmSize         int64         // bytes of /dev/shm; 0: 64 MiB
	SeccompProfile  string        // a file, "builtin" or "unconfined"; empty: builtin
	NoNewPrivileges bool          // their programs cannot gain rights by setuid and the like
	StopTimeout     time.Duration // until they are killed when the daemon stops; 0: 10 s
	ShutdownTimeout time.Duration // the same for all of them, whatever they name; 0: see Config.ShutdownTimeout
}

// Registries says how registries of images are reached.
type Registries struct {
	Mirrors  []string // URLs asked before the default registry
	Insecure []string // hosts and networks that need not prove who they are
	CertsDir string   // a directory HOST:PORT each with certificates; empty: /etc/docker/certs.d
}

// TLS configures tcp listeners.
type TLS struct {
	On, Verify    bool
	CA, Cert, Key string
}

// Network configures init_networkdriver and what containers inherit.
type Network struct {
	Off           bool   // no network driver: containers have a loopback interface only
	Bridge        string // existing bridge; empty: docker0
	BridgeIP      string
	FixedCIDR     string
	DefaultIP     string
	IPv6          bool
	BridgeIPv6    string
	FixedCIDRv6   string
	Gateway       string // of containers on the default bridge; empty: the bridge
	GatewayIPv6   string
	AddressPools  []string // base=NETWORK,size=BITS
	Firewall      string   // nftables or iptables; empty: what the host uses
	NoICC         bool
	NoFirewall    bool
	NoMasquerade  bool
	NoForward     bool
	NoProxy       bool
	MTU           int
	DNS           []string
	DNSSearch     []string
	DNSOptions    []string
	WarmSandboxes int // sandboxes kept ready: 0 the driver's default, negative none
}

// complete checks the configuration and fills what was left out.
func (c *Config) complete() error {
	if c.Root == "" {
		return errdefs.InvalidArgument("a daemon needs a root directory")
	}
	if c.Network.Bridge != "" && c.Network.BridgeIP != "" {
		return errdefs.InvalidArgument("You specified -b & --bip, mutually exclusive options; please specify only one")
	}
	if c.Network.NoFirewall && c.Network.NoICC {
		return errdefs.InvalidArgument("You specified --iptables=false with --icc=false. ICC uses iptables to function. " +
			"Please set --icc or --iptables to true.")
	}
	if c.MaxReads < 0 || c.MaxWrites < 0 {
		return errdefs.InvalidArgument("the greatest number of jobs at a time cannot be below 0, which is no limit")
	}
	for _, opt := range c.StorageOpts {
		if !strings.Contains(opt, "=") {
			return errdefs.InvalidArgument("storage option %q is not KEY=VALUE", opt)
		}
	}
	if c.Network.Bridge == "none" {
		c.Network.Off = true
	}
	if c.ExecDriver == "" {
		c.ExecDriver = "native"
	}
	if c.ShutdownTimeout == 0 && c.Containers.ShutdownTimeout > 0 {
		c.ShutdownTimeout = c.Containers.ShutdownTimeout + daemon.CleanReserve
	}
	if c.ShutdownTimeout == 0 {
		c.ShutdownTimeout = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = noLog{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Getenv == nil {
		c.Getenv = func(string) string { return "" }
	}
	if c.Euid == nil {
		c.Euid = os.Geteuid
	}
	return nil
}

type noLog struct{}

func (noLog) Debugf(string, ...any) {}
func (noLog) Infof(string, ...any)  {}
func (noLog) Warnf(string, ...any)  {}
func (noLog) Errorf(string, ...any) {}

// splitLines gives the lines of s that say something.
func splitLines(s string) []string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
