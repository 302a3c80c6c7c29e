package main

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/pflag"
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

	TLS, TLSVerify         bool
	TLSCA, TLSCert, TLSKey string
	Root, ExecRoot         string
	Pidfile, TrustKey      string
	StorageDriver          string
	StorageOpts            []string
	ExecDriver             string
	Bridge, BridgeIP       string
	FixedCIDR              string
	ICC, IPTables          bool
	IPForward, IPMasq      bool
	UserlandProxy          bool
	DefaultIP              net.IP
	MTU                    int
	DNS, DNSSearch, Labels []string
}

// Defaults of the classic daemon.
const (
	defaultRoot     = "/var/lib/docker"
	defaultExecRoot = "/var/run/docker"
	defaultPidfile  = "/var/run/docker.pid"
	defaultTrustKey = "/etc/docker/key.json"
	defaultGroup    = "docker"
	defaultSocket   = "unix:///var/run/docker.sock"
)

// newDaemonFlags gives the flag set of daemon mode and the value it fills.
// getenv reads the environment (DOCKER_CERT_PATH, DOCKER_TLS_VERIFY, HOME).
func newDaemonFlags(getenv func(string) string) (*pflag.FlagSet, *daemonFlags) {
	f := &daemonFlags{}
	fs := pflag.NewFlagSet("docker -d", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(io.Discard)
	certs := getenv("DOCKER_CERT_PATH")
	if certs == "" {
		certs = filepath.Join(getenv("HOME"), ".docker")
	}

	fs.BoolVarP(&f.Daemon, "daemon", "d", false, "run as a daemon")
	fs.BoolVarP(&f.Debug, "debug", "D", getenv("DEBUG") != "", "debug log and /debug endpoints")
	fs.StringVarP(&f.LogLevel, "log-level", "l", "info", "least level that is logged: debug, info, warn, error, fatal")
	fs.BoolVarP(&f.Help, "help", "h", false, "print this text")
	fs.BoolVarP(&f.Version, "version", "v", false, "print the version and quit")

	fs.StringArrayVarP(&f.Hosts, "host", "H", nil,
		"listen on unix://PATH, tcp://HOST:PORT, fd://[NAME] (repeatable; default "+defaultSocket+")")
	fs.StringVarP(&f.Group, "group", "G", defaultGroup, "group of the unix socket; '' leaves it alone")
	fs.BoolVar(&f.EnableCORS, "api-enable-cors", false, "allow requests from web pages of any origin")
	fs.StringVar(&f.CORSHeader, "api-cors-header", "", "allow requests from web pages of this origin")
	fs.BoolVar(&f.TLS, "tls", false, "TLS on tcp:// listeners; implied by --tlsverify")
	fs.BoolVar(&f.TLSVerify, "tlsverify", getenv("DOCKER_TLS_VERIFY") != "", "TLS, and clients must show a certificate")
	fs.StringVar(&f.TLSCA, "tlscacert", filepath.Join(certs, "ca.pem"), "trust client certificates signed by this CA")
	fs.StringVar(&f.TLSCert, "tlscert", filepath.Join(certs, "cert.pem"), "certificate of the server")
	fs.StringVar(&f.TLSKey, "tlskey", filepath.Join(certs, "key.pem"), "private key of the server")

	fs.StringVarP(&f.Root, "graph", "g", defaultRoot, "directory of everything that lasts")
	fs.StringVar(&f.ExecRoot, "exec-root", defaultExecRoot, "directory of what lasts until the host restarts")
	fs.StringVarP(&f.Pidfile, "pidfile", "p", defaultPidfile, "file that holds the daemon's pid; '' for none")
	fs.StringVar(&f.TrustKey, "trust-key", defaultTrustKey, "private key that names this daemon; made when missing")
	fs.StringVarP(&f.StorageDriver, "storage-driver", "s", "", "storage driver: overlay, vfs (default: what the root has, else overlay)")
	fs.StringArrayVar(&f.StorageOpts, "storage-opt", nil, "option of the storage driver, key=value (repeatable)")
	fs.StringVarP(&f.ExecDriver, "exec-driver", "e", "native", "exec driver: native")

	fs.StringVarP(&f.Bridge, "bridge", "b", "", "attach containers to this existing bridge; none for no networking")
	fs.StringVar(&f.BridgeIP, "bip", "", "address of the bridge docker0, CIDR; excludes --bridge")
	fs.StringVar(&f.FixedCIDR, "fixed-cidr", "", "give containers addresses of this part of the bridge's network, CIDR")
	fs.BoolVar(&f.ICC, "icc", true, "let containers talk to each other without links")
	fs.IPVar(&f.DefaultIP, "ip", net.IPv4zero, "host address that published ports are bound to by default")
	fs.BoolVar(&f.IPForward, "ip-forward", true, "turn on net.ipv4.ip_forward")
	fs.BoolVar(&f.IPMasq, "ip-masq", true, "masquerade what containers send to the world")
	fs.BoolVar(&f.IPTables, "iptables", true, "manage packet filter rules; false implies --ip-masq=false")
	fs.BoolVar(&f.UserlandProxy, "userland-proxy", true, "serve published ports on loopback by a small proxy")
	fs.IntVar(&f.MTU, "mtu", 0, "MTU of container links; 0 takes that of the default route, else 1500")
	fs.StringArrayVar(&f.DNS, "dns", nil, "DNS server of containers (repeatable)")
	fs.StringArrayVar(&f.DNSSearch, "dns-search", nil, "DNS search domain of containers (repeatable)")
	fs.StringArrayVar(&f.Labels, "label", nil, "key=value label of the daemon, shown by info (repeatable)")

	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "data-root" { // the later spelling of --graph
			name = "graph"
		}
		return pflag.NormalizedName(name)
	})
	return fs, f
}

// parseDaemonFlags decodes the command line, strictly, and completes it.
func parseDaemonFlags(args []string, getenv func(string) string) (*daemonFlags, error) {
	fs, f := newDaemonFlags(getenv)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 && !f.Help {
		return nil, fmt.Errorf("daemon mode takes no arguments, got %q", fs.Arg(0))
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
	f.TLS = f.TLS || f.TLSVerify
	f.IPMasq = f.IPMasq && f.IPTables
	return f, f.check()
}

// check refuses what can never work, before anything is touched.
func (f *daemonFlags) check() error {
	switch {
	case f.Bridge != "" && f.BridgeIP != "":
		return fmt.Errorf("You specified -b & --bip, mutually exclusive options. Please specify only one.")
	case !f.IPTables && !f.ICC:
		return fmt.Errorf("You specified --iptables=false with --icc=false. ICC uses iptables to function. " +
			"Please set --icc or --iptables to true.")
	}
	for _, label := range f.Labels {
		if strings.Count(label, "=") != 1 {
			return fmt.Errorf("bad attribute format: %s", label)
		}
	}
	for _, server := range f.DNS {
		if net.ParseIP(server) == nil {
			return fmt.Errorf("%s is not an ip address", server)
		}
	}
	sort.Strings(f.Labels)
	return nil
}

// daemonUsage is the help text of daemon mode.
func daemonUsage(getenv func(string) string) string {
	fs, _ := newDaemonFlags(getenv)
	return "Usage: docker -d [OPTIONS]\n\nRuns the engine as a daemon.\n\nOptions:\n" + fs.FlagUsages()
}
