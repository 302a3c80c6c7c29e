package main

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sort"
	"strings"

	"github.com/docker/go-units"

	"github.com/enginejobs/docker/pkg/mflag"
)

// daemonFlags is what the command line of `docker -d` says. It is plain data,
// so that the client half builds on systems that have no daemon.
type daemonFlags struct {
	Daemon   bool
	Debug    bool
	Help     bool
	Version  bool
	LogLevel string

	Hosts      []string
	Group      string
	EnableCORS bool
	CORSHeader string

	TLS, TLSVerify              bool
	TLSCA, TLSCert, TLSKey      string
	AccessPolicy                string
	MaxReads, MaxWrites         int
	Root, ExecRoot              string
	Pidfile, TrustKey           string
	StorageDriver               string
	StorageOpts                 []string
	ExecDriver                  string
	LogDriver                   string
	LogOpts                     []string
	CgroupParent                string
	Ulimits                     []string
	Bridge, BridgeIP            string
	FixedCIDR                   string
	IPv6                        bool
	BridgeIPv6, FixedCIDRv6     string
	Gateway, GatewayIPv6        string
	AddressPools                []string
	Firewall                    string
	ICC, IPTables               bool
	IPForward, IPMasq           bool
	UserlandProxy               bool
	DefaultIP                   string
	LiveRestore, ignored        bool
	MTU                         int
	Init, NoNewPrivileges       bool
	IpcMode, CgroupnsMode       string
	ShmSize                     string
	shmSize                     int64
	SeccompProfile              string
	StopTimeout                 int // seconds
	ShutdownTimeout             int // seconds
	DNSOptions                  []string
	DNS, DNSSearch, Labels      []string
	Mirrors, InsecureRegistries []string
	CertsDir                    string
}

// Defaults of the classic daemon.
const (
	defaultRoot     = "/var/lib/docker"
	defaultExecRoot = "/var/run/docker"
	defaultPidfile  = "/var/run/docker.pid"
	defaultTrustKey = "/etc/docker/key.json"
	defaultGroup    = "docker"
	defaultSocket   = "unix:///var/run/docker.sock"
	// As in package server, which the client half does not link.
	defaultMaxReads  = 512
	defaultMaxWrites = 1024
)

// newDaemonFlags gives the flag set of daemon mode and the value it fills.
// getenv reads the environment (DOCKER_CERT_PATH, DOCKER_TLS_VERIFY, HOME).
func newDaemonFlags(getenv func(string) string) (*mflag.Set, *daemonFlags) {
	certs := getenv("DOCKER_CERT_PATH")
	if certs == "" {
		certs = filepath.Join(getenv("HOME"), ".docker")
	}
	f := &daemonFlags{
		Debug: getenv("DEBUG") != "", LogLevel: "info", Group: defaultGroup,
		TLSVerify: getenv("DOCKER_TLS_VERIFY") != "",
		TLSCA:     filepath.Join(certs, "ca.pem"), TLSCert: filepath.Join(certs, "cert.pem"),
		TLSKey: filepath.Join(certs, "key.pem"),
		Root:   defaultRoot, ExecRoot: defaultExecRoot, Pidfile: defaultPidfile, TrustKey: defaultTrustKey, CertsDir: "/etc/docker/certs.d",
		ExecDriver: "native", LogDriver: "json-file", MaxReads: defaultMaxReads, MaxWrites: defaultMaxWrites,
		DefaultIP: "0.0.0.0", ICC: true, IPForward: true, IPMasq: true, IPTables: true, UserlandProxy: true,
	}
	fs := new(mflag.Set)
	f.declareProcess(fs)
	f.declareContainers(fs)
	f.declareAPI(fs)
	f.declareNetwork(fs)
	return fs, f
}

func (f *daemonFlags) declareProcess(fs *mflag.Set) {
	fs.Bool(&f.Daemon, "-d --daemon", "Run as a daemon")
	fs.Bool(&f.Debug, "-D --debug", "Log everything and serve /debug")
	fs.String(&f.LogLevel, "-l --log-level", "Least level that is logged: debug, info, warn, error, fatal")
	fs.Bool(&f.Help, "-h --help", "Print usage")
	fs.Bool(&f.Version, "-v --version", "Print version information and quit")
	fs.String(&f.Root, "-g --graph !--data-root", "Directory of everything that lasts")
	fs.String(&f.ExecRoot, "--exec-root", "Directory of what lasts until the host restarts")
	fs.String(&f.Pidfile, "-p --pidfile", "File that holds the daemon's pid; '' for none")
	fs.String(&f.TrustKey, "--trust-key", "Private key that names this daemon; made when missing")
	fs.String(&f.StorageDriver, "-s --storage-driver",
		"Storage driver: overlay or vfs; '' takes what the\ndirectory has, else overlay")
	fs.List(&f.StorageOpts, "--storage-opt", "Option of the storage driver, KEY=VALUE", nil)
	fs.String(&f.ExecDriver, "-e --exec-driver", "Exec driver: native")
	fs.List(&f.Labels, "--label", "KEY=VALUE label of the daemon, shown by info", checkLabel)
	fs.List(&f.Mirrors, "--registry-mirror", "URL that is asked before the default registry", nil)
	fs.List(&f.InsecureRegistries, "--insecure-registry", "HOST[:PORT] or network of registries without a valid\ncertificate, or with plain HTTP", nil)
	fs.String(&f.CertsDir, "--registry-certs", "Directory with a directory HOST[:PORT] of certificates\nfor each registry")
	fs.Bool(&f.LiveRestore, "--live-restore", "Let containers run on when the daemon stops")
	fs.Bool(&f.ignored, "~-r ~--restart", "Use restart policies of containers instead")
}

// declareContainers are what containers get that do not say.
func (f *daemonFlags) declareContainers(fs *mflag.Set) {
	fs.String(&f.LogDriver, "--log-driver", "Logging driver of containers that name none: json-file,\nlocal or none")
	fs.List(&f.LogOpts, "--log-opt", "KEY=VALUE option of that logging driver", checkLogOpt)
	fs.String(&f.CgroupParent, "--cgroup-parent", "Parent cgroup of containers that name none (default\ndocker)")
	fs.List(&f.Ulimits, "--default-ulimit", "NAME=SOFT[:HARD] ulimit of containers that do not set\nit", nil)
	fs.Bool(&f.Init, "--init", "Run an init inside of containers that do not say")
	fs.Bool(&f.NoNewPrivileges, "--no-new-privileges", "Forbid programs in containers to gain rights, unless the\ncontainer says otherwise")
	fs.String(&f.SeccompProfile, "--seccomp-profile", "Seccomp profile of containers that name none: a file,\nbuiltin or unconfined")
	fs.String(&f.IpcMode, "--default-ipc-mode", "IPC mode of containers that name none: private or\nshareable")
	fs.String(&f.CgroupnsMode, "--default-cgroupns-mode",
		"Cgroup namespace of containers that name none: private or\nhost (default host with cgroup v1, else private)")
	fs.String(&f.ShmSize, "--default-shm-size", "Size of /dev/shm of containers that name none (default\n64m)")
	fs.Int(&f.StopTimeout, "--stop-timeout", "Seconds that containers which name none have to end when\nthe daemon stops (default 10)")
	fs.Int(&f.ShutdownTimeout, "--shutdown-timeout", "Seconds that any container has at most to end when the\ndaemon stops (default 22)")
}

func (f *daemonFlags) declareAPI(fs *mflag.Set) {
	fs.List(&f.Hosts, "-H --host",
		"Listen on unix://PATH, tcp://HOST:PORT or fd://[NAME];\nby default on "+defaultSocket, nil)
	fs.String(&f.Group, "-G --group", "Group of the unix socket; '' leaves it alone")
	fs.Bool(&f.EnableCORS, "--api-enable-cors ~-api-enable-cors", "Allow requests from web pages of any origin")
	fs.String(&f.CORSHeader, "--api-cors-header", "Allow requests from web pages of this origin")
	fs.Bool(&f.TLS, "--tls", "TLS on tcp:// listeners; implied by --tlsverify")
	fs.Bool(&f.TLSVerify, "--tlsverify", "TLS, and clients must show a certificate")
	fs.String(&f.TLSCA, "--tlscacert", "Trust client certificates signed by this CA")
	fs.String(&f.TLSCert, "--tlscert", "Certificate of the server")
	fs.String(&f.TLSKey, "--tlskey", "Private key of the server")
	fs.String(&f.AccessPolicy, "--access-policy",
		"Who may run which job: a file, read-only, or open;\nneeded for tcp:// without --tlsverify")
	fs.Int(&f.MaxReads, "--max-read-jobs", "Jobs of clients that only read, at a time; 0 for no limit")
	fs.Int(&f.MaxWrites, "--max-write-jobs", "Jobs of clients that change state, at a time; 0 for no\nlimit")
}

func (f *daemonFlags) declareNetwork(fs *mflag.Set) {
	fs.String(&f.Bridge, "-b --bridge", "Attach containers to this bridge; 'none' for no network")
	fs.String(&f.BridgeIP, "--bip ~-bip", "Address of the bridge docker0, CIDR; excludes --bridge")
	fs.String(&f.FixedCIDR, "--fixed-cidr", "Give containers addresses of this part of the bridge's\nnetwork, CIDR")
	fs.Bool(&f.IPv6, "--ipv6", "Give containers on the default bridge IPv6 addresses")
	fs.String(&f.BridgeIPv6, "--bip6", "IPv6 address of the bridge docker0, CIDR")
	fs.String(&f.FixedCIDRv6, "--fixed-cidr-v6", "Network of their IPv6 addresses, CIDR")
	fs.String(&f.Gateway, "--default-gateway", "Where default routes of containers lead; else to the bridge")
	fs.String(&f.GatewayIPv6, "--default-gateway-v6", "The same for IPv6")
	fs.List(&f.AddressPools, "--default-address-pool", "Where new networks get subnets from\n(base=10.10.0.0/16,size=24)", nil)
	fs.String(&f.Firewall, "--firewall-backend", "Write packet filter rules by nftables or iptables; else\nby what the host uses")
	fs.Bool(&f.ICC, "--icc ~-icc", "Let containers talk to each other without links")
	fs.String(&f.DefaultIP, "--ip ~-ip", "Host address of published ports that name none")
	fs.Bool(&f.IPForward, "--ip-forward ~-ip-forward", "Turn on net.ipv4.ip_forward")
	fs.Bool(&f.IPMasq, "--ip-masq", "Masquerade what containers send to the world")
	fs.Bool(&f.IPTables, "--iptables ~-iptables", "Manage packet filter rules; false implies --ip-masq=false")
	fs.Bool(&f.UserlandProxy, "--userland-proxy", "Serve published ports on loopback by a small proxy")
	fs.Int(&f.MTU, "--mtu ~-mtu", "MTU of container links; 0 takes the default route's")
	fs.List(&f.DNS, "--dns ~-dns", "DNS server of containers", checkIP)
	fs.List(&f.DNSSearch, "--dns-search", "DNS search domain of containers", nil)
	fs.List(&f.DNSOptions, "--dns-opt", "DNS option of containers", nil)
}

func checkLogOpt(opt string) (string, error) {
	if key, _, ok := strings.Cut(opt, "="); !ok || key == "" {
		return "", fmt.Errorf("bad log option %q: want KEY=VALUE", opt)
	}
	return opt, nil
}

// keyValues splits what checkLogOpt let through. The last one of a key counts.
func keyValues(list []string) map[string]string {
	m := map[string]string{}
	for _, pair := range list {
		key, value, _ := strings.Cut(pair, "=")
		m[key] = value
	}
	return m
}

func checkLabel(label string) (string, error) {
	if strings.Count(label, "=") != 1 {
		return "", fmt.Errorf("bad attribute format: %s", label)
	}
	return label, nil
}

func checkIP(ip string) (string, error) {
	if net.ParseIP(ip) == nil {
		return "", fmt.Errorf("%s is not an ip address", ip)
	}
	return ip, nil
}

// parseDaemonFlags decodes the command line, strictly, and completes it.
func parseDaemonFlags(args []string, getenv func(string) string) (*daemonFlags, error) {
	fs, f := newDaemonFlags(getenv)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if f.Help || f.Version {
		return f, nil
	}
	if rest := fs.Args(); len(rest) > 0 {
		return nil, fmt.Errorf("daemon mode takes no arguments, got %q", rest[0])
	}
	if driver := getenv("DOCKER_DRIVER"); driver != "" {
		f.StorageDriver = driver
	}
	if len(f.Hosts) == 0 {
		f.Hosts = []string{defaultSocket}
	}
	if f.EnableCORS && f.CORSHeader == "" {
		f.CORSHeader = "*"
	}
	if f.Debug {
		f.LogLevel = "debug"
	}
	f.TLS = f.TLS || f.TLSVerify
	f.IPMasq = f.IPMasq && f.IPTables
	sort.Strings(f.Labels)
	if f.ShmSize != "" {
		var err error
		if f.shmSize, err = units.RAMInBytes(f.ShmSize); err != nil || f.shmSize < 0 {
			return f, fmt.Errorf("invalid --default-shm-size %q: write a number with a unit, like 64m", f.ShmSize)
		}
	}
	return f, f.check()
}

// check refuses what can never work, before anything is touched.
func (f *daemonFlags) check() error {
	switch {
	case f.Bridge != "" && f.BridgeIP != "":
		return fmt.Errorf("You specified -b & --bip, mutually exclusive options; please specify only one")
	case !f.IPTables && !f.ICC:
		return fmt.Errorf("You specified --iptables=false with --icc=false. ICC uses iptables to function. " +
			"Please set --icc or --iptables to true.")
	}
	if f.MaxReads < 0 || f.MaxWrites < 0 {
		return fmt.Errorf("--max-read-jobs and --max-write-jobs cannot be below 0, which is no limit")
	}
	if net.ParseIP(f.DefaultIP) == nil {
		return fmt.Errorf("%s is not an ip address", f.DefaultIP)
	}
	if f.StopTimeout < 0 || f.ShutdownTimeout < 0 {
		return fmt.Errorf("--stop-timeout and --shutdown-timeout cannot be below 0")
	}
	switch f.LogLevel {
	case "debug", "info", "warn", "error", "fatal":
		return nil
	}
	return fmt.Errorf("Unable to parse logging level: %s", f.LogLevel)
}

// daemonUsage writes the help text of daemon mode.
func daemonUsage(w io.Writer, getenv func(string) string) {
	fs, _ := newDaemonFlags(getenv)
	fmt.Fprint(w, "Usage: docker -d [OPTIONS]\n\nRun the engine as a daemon.\n\nOptions:\n")
	fs.PrintDefaults(w)
}
