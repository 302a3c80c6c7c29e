package client

import (
	"errors"
	"path/filepath"

	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

// globals are the flags before the command.
type globals struct {
	daemon, version, help, debug bool
	logLevel, config, context    string
	hosts                        []string
	tls, tlsVerify               bool
	ca, cert, key                string
	ignored                      string
	ignoredBool                  bool
}

// newGlobals declares the flags that the client obeys and, hidden, those of
// the daemon, which a client accepts and ignores.
func newGlobals(env Env) (*globals, *mflag.Set) {
	certs := env.get("DOCKER_CERT_PATH")
	if certs == "" {
		certs = filepath.Join(env.get("HOME"), ".docker")
	}
	g := &globals{
		logLevel: "info", tls: env.get("DOCKER_TLS") != "", tlsVerify: env.get("DOCKER_TLS_VERIFY") != "",
		ca: filepath.Join(certs, "ca.pem"), cert: filepath.Join(certs, "cert.pem"), key: filepath.Join(certs, "key.pem"),
	}
	set := new(mflag.Set)
	set.Bool(&g.daemon, "-d --daemon", "Be the daemon (see docker -d --help)")
	set.Bool(&g.version, "-v --version", "Print version information and quit")
	set.Bool(&g.help, "!-h !--help", "") // the last line says it
	set.Bool(&g.debug, "-D --debug", "Enable debug mode")
	set.String(&g.logLevel, "-l --log-level", "Set the logging level")
	set.List(&g.hosts, "-H --host", "Address: unix://, tcp:// or ssh://", nil)
	set.Bool(&g.tls, "--tls", "Use TLS; implied by --tlsverify")
	set.Bool(&g.tlsVerify, "--tlsverify", "Use TLS and verify the daemon")
	set.String(&g.ca, "--tlscacert", "Trust only daemons of this CA")
	set.String(&g.cert, "--tlscert", "Path to the TLS certificate file")
	set.String(&g.key, "--tlskey", "Path to the TLS key file")
	set.String(&g.config, "--config", "Location of client config files")
	set.String(&g.context, "-c --context", "Context to use (overrides DOCKER_HOST)")
	for _, names := range []string{
		"!-r !--restart", "!--icc", "!--iptables", "!--ip-masq", "!--ip-forward", "!--ipv6",
		"!--selinux-enabled", "!--api-enable-cors", "!--userland-proxy", "!--live-restore",
	} {
		set.Bool(&g.ignoredBool, names, "")
	}
	for _, names := range []string{
		"!-G !--group", "!-p !--pidfile", "!-g !--graph !--data-root", "!-b !--bridge", "!--bip",
		"!--fixed-cidr", "!--fixed-cidr-v6", "!--ip", "!--mtu", "!--dns", "!--dns-search", "!--dns-opt",
		"!-s !--storage-driver", "!--storage-opt", "!-e !--exec-driver", "!--exec-root", "!--exec-opt",
		"!--registry-mirror", "!--insecure-registry", "!--label", "!--trust-key", "!--api-cors-header",
		"!--log-driver", "!--log-opt", "!--default-ulimit",
	} {
		set.String(&g.ignored, names, "")
	}
	return g, set
}

// WantsDaemon tells whether a command line (without the program's name) asks
// for daemon mode, and gives the daemon's arguments.
func WantsDaemon(args []string, env Env) ([]string, bool) {
	g, set := newGlobals(env)
	if set.Parse(args) != nil {
		// An unknown flag: the daemon may know it, if it is meant at all.
		for _, word := range args {
			if word == "-d" || word == "--daemon" {
				return args, true
			}
		}
		return nil, false
	}
	if g.daemon {
		return args, true
	}
	if rest := set.Args(); len(rest) > 0 && rest[0] == "daemon" {
		before := args[:len(args)-len(rest)]
		return append(append(append([]string{}, before...), "-d"), rest[1:]...), true
	}
	return nil, false
}

// configure makes the connection that the global flags describe. Nothing is
// dialled yet.
func (cli *CLI) configure(g *globals, set *mflag.Set) error {
	if len(g.hosts) > 1 {
		return errors.New("Please specify only one -H")
	}
	switch g.logLevel {
	case "debug", "info", "warn", "error", "fatal":
	default:
		return errors.New("Unable to parse logging level: " + g.logLevel)
	}
	cli.files = g.config
	cli.debug = g.debug || cli.env.get("DEBUG") != ""
	var err error
	if cli.context, err = cli.contextName(g); err != nil {
		return err
	}
	p, err := cli.find(cli.context, g, set)
	if err != nil && cli.context != clicontext.Default {
		p, err = nowhere(err), nil
	}
	cli.http = newHTTPClient(p, cli.env.get("DOCKER_API_VERSION"), cli.now)
	cli.applyHeaders()
	return err
}
