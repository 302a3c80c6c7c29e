// Command bench measures this engine beside every peer that is installed, in
// turns on the same machine, and prints medians and ratios. It owns the engines
// that it starts: private roots, sockets and bridges, never the system's. Start
// reading at benches. It is run by `make bench`; flags choose rows, rounds and
// peers.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// config is what the flags say.
type config struct {
	docker, official, busybox string
	rounds, containers        int
	report, curves            string
	only                      *regexp.Regexp
	peers                     map[string]bool
}

// row is one line of the result: a measurement that each engine may have.
type row struct {
	name, unit string
	goal       target
	values     map[string][]float64 // engine -> samples
}

// bench is one group of rows.
type bench struct {
	name string
	run  func(ctx context.Context, b *board) error
}

// benches in the order they run. Later ones may leave the engines older, so
// that memory is measured after use, too.
var benches = []bench{
	{"dispatch", benchDispatch},
	{"start", benchStart},
	{"idle", benchIdle},
	{"run", benchRun},
	{"api", benchAPI},
	{"api-load", benchLoad},
	{"phases", benchPhases},
	{"exec", benchExec},
	{"starts", benchStarts},
	{"kill", benchKill},
	{"network", benchNetwork},
	{"network-jobs", benchNetworkJobs},
	{"logs", benchLogs},
	{"inspect", benchInspect},
	{"create", benchCreate},
	{"crash", benchCrash},
	{"running", benchRunning},
	{"memory", benchMemory},
	{"ps", benchPs},
	{"archives", benchArchives},
	{"registries", benchRegistries},
	{"build", benchBuild},
	{"memory-root", benchMemoryRoot},
	{"many-networks", benchManyNetworks},
	{"many-images", benchManyImages},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	cfg, err := parse(args)
	if err != nil {
		return err
	}
	if cfg.curves != "" {
		return curves(ctx, cfg, out, cfg.curves)
	}
	b := &board{cfg: cfg, out: out}
	if err := b.open(ctx); err != nil {
		return fmt.Errorf("starting the engines: %w", err)
	}
	defer b.close()
	fmt.Fprintf(out, "%s, %d cores; engines: %s; median of %d runs, in turns\n\n", kernel(), cores(), b.names(), cfg.rounds)
	var failed []string
	for _, bench := range benches {
		if !cfg.only.MatchString(bench.name) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := bench.run(ctx, b); err != nil {
			fmt.Fprintf(out, "%s: %v\n", bench.name, err)
			failed = append(failed, bench.name)
		}
	}
	if cfg.report != "" {
		if err := b.report(cfg.report); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("these did not work: %s", strings.Join(failed, ", "))
	}
	return nil
}

// groups names all of them.
func groups() string {
	var names []string
	for _, bench := range benches {
		names = append(names, bench.name)
	}
	return strings.Join(names, " ")
}

func parse(args []string) (*config, error) {
	cfg := &config{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := fs.Bool("quick", false, "few rounds: a look, not a measurement")
	only := fs.String("only", ".", "run the groups that match this expression: "+groups())
	peers := fs.String("peers", "dockerd,podman,runc", "measure these peers beside ours, when installed")
	fs.StringVar(&cfg.docker, "docker", "bin/docker", "our binary")
	fs.StringVar(&cfg.official, "official", "", "the official docker CLI, used for dockerd (default: docker on the PATH)")
	fs.StringVar(&cfg.busybox, "busybox", "", "tar of a busybox root (default: made by hack/make.sh busybox)")
	fs.IntVar(&cfg.rounds, "rounds", 30, "samples of each row")
	fs.IntVar(&cfg.containers, "containers", 500, "containers that ps has to list")
	fs.StringVar(&cfg.report, "report", "", "write a page of the results to this file")
	fs.StringVar(&cfg.curves, "curves", "", "measure only how ours grows, and write pictures and a page of it to this directory")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if *quick {
		cfg.rounds, cfg.containers = 5, 50
	}
	re, err := regexp.Compile(*only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	cfg.only = re
	cfg.peers = map[string]bool{}
	for _, peer := range strings.Split(*peers, ",") {
		cfg.peers[strings.TrimSpace(peer)] = true
	}
	if cfg.docker, err = filepath.Abs(cfg.docker); err != nil {
		return nil, err
	}
	return cfg, nil
}
