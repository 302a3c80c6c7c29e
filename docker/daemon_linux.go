package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/enginejobs/docker/builtins"
	"github.com/enginejobs/docker/dockerinit/embedded"
	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/server"
)

// runDaemon is `docker -d`: it parses the flags, runs the daemon until a signal
// ends it, and gives the exit status: 0 after a clean stop, 1 for a failure, 2
// for a bad command line, 128+signal when the user would not wait.
func runDaemon(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags, err := parseDaemonFlags(args, getenv)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "docker: %v. See 'docker -d --help'.\n", err)
		return 2
	case flags.Help:
		daemonUsage(stdout, getenv)
		return 0
	case flags.Version:
		fmt.Fprintf(stdout, "Docker version %s, build %s\n", dockerversion.Version, dockerversion.GitCommit)
		return 0
	}
	log, err := server.NewLog(stderr, flags.LogLevel)
	if err != nil {
		fmt.Fprintf(stderr, "docker: %v\n", err)
		return 1
	}
	// A daemon is small and mostly idle: collect early, and measure nothing that
	// nobody asks for.
	debug.SetGCPercent(50)
	if !flags.Debug {
		runtime.MemProfileRate = 0
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)

	daemon, err := builtins.New(flags.config(log, getenv))
	if err == nil {
		err = daemon.Run(ctx, signals)
	}
	var abandoned server.ErrAbandoned
	if errors.As(err, &abandoned) {
		log.Errorf("%v", err)
		if sig, ok := abandoned.Signal.(syscall.Signal); ok {
			return 128 + int(sig)
		}
		return 1
	}
	if err != nil {
		fmt.Fprintf(stderr, "docker: %v\n", err)
		return 1
	}
	return 0
}

// config is what the command line means to the server.
func (f *daemonFlags) config(log server.Logger, getenv func(string) string) server.Config {
	return server.Config{
		Root: f.Root, ExecRoot: f.ExecRoot, Pidfile: f.Pidfile, TrustKey: f.TrustKey,
		Hosts: f.Hosts, SocketGroup: f.Group, CORS: f.CORSHeader,
		TLS:    server.TLS{On: f.TLS, Verify: f.TLSVerify, CA: f.TLSCA, Cert: f.TLSCert, Key: f.TLSKey},
		Access: f.AccessPolicy, MaxReads: f.MaxReads, MaxWrites: f.MaxWrites,
		StorageDriver: f.StorageDriver, StorageOpts: f.StorageOpts, ExecDriver: f.ExecDriver,
		LogDriver: f.LogDriver, LogOpts: keyValues(f.LogOpts), CgroupParent: f.CgroupParent, Ulimits: f.Ulimits,
		Dockerinit: embedded.Binary(),
		Network: server.Network{
			Bridge: f.Bridge, BridgeIP: f.BridgeIP, FixedCIDR: f.FixedCIDR, DefaultIP: f.DefaultIP,
			IPv6: f.IPv6, BridgeIPv6: f.BridgeIPv6, FixedCIDRv6: f.FixedCIDRv6, Gateway: f.Gateway, GatewayIPv6: f.GatewayIPv6,
			AddressPools: f.AddressPools, Firewall: f.Firewall,
			NoICC: !f.ICC, NoFirewall: !f.IPTables, NoMasquerade: !f.IPMasq, NoForward: !f.IPForward,
			NoProxy: !f.UserlandProxy, MTU: f.MTU, DNS: f.DNS, DNSSearch: f.DNSSearch, DNSOptions: f.DNSOptions,
		},
		Containers: server.Containers{
			Init: f.Init, IpcMode: f.IpcMode, CgroupnsMode: f.CgroupnsMode, ShmSize: f.shmSize,
			SeccompProfile: f.SeccompProfile, NoNewPrivileges: f.NoNewPrivileges,
			StopTimeout:     time.Duration(f.StopTimeout) * time.Second,
			ShutdownTimeout: time.Duration(f.ShutdownTimeout) * time.Second,
		},
		Registries: server.Registries{Mirrors: f.Mirrors, Insecure: f.InsecureRegistries, CertsDir: f.CertsDir},
		Labels:     f.Labels, Debug: f.Debug, LiveRestore: f.LiveRestore, Log: log, Getenv: getenv,
	}
}
