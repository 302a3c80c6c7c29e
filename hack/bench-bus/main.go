// Command bench-bus measures the bus beside what one would use in its place:
// net/rpc, gRPC and JSON over net/http do the same echo work on the same machine
// in the same run, in turns. It is a module of its own, so that gRPC is no
// dependency of the project.
//
// It owns one child process for each contender that is not in this process (the
// same binary, started with -serve) and a directory with their sockets; both are
// gone when it ends. Start reading at contenders in contender.go, then at the
// scenarios in scenario.go. Nothing imports it; `make bench-bus` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// config is what the flags say.
type config struct {
	rounds, streamRounds int
	slice                time.Duration // how long one contender is measured in one round
	streamBytes          int64
	only, scenario       *regexp.Regexp
	check                bool
	markdown, profile    string
	serve, socket        string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench-bus:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	cfg, err := parse(args)
	if err != nil {
		return err
	}
	if cfg.serve != "" {
		return serve(ctx, cfg, in, out)
	}
	b := &board{cfg: cfg, out: out}
	defer b.close()
	if err := b.open(ctx); err != nil {
		return fmt.Errorf("starting the contenders: %w", err)
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	return b.report()
}

func parse(args []string) (*config, error) {
	cfg := &config{}
	fs := flag.NewFlagSet("bench-bus", flag.ContinueOnError)
	quick := fs.Bool("quick", false, "few short rounds: a look (20 s), not a measurement")
	only := fs.String("only", ".", "measure the contenders whose name matches this expression")
	scenario := fs.String("scenario", ".", "run the scenarios whose name matches this expression")
	fs.IntVar(&cfg.rounds, "rounds", 9, "rounds of the calls; each contender has its turn in each")
	fs.IntVar(&cfg.streamRounds, "stream-rounds", 5, "rounds of the streams")
	fs.DurationVar(&cfg.slice, "slice", 300*time.Millisecond, "length of one turn")
	fs.Int64Var(&cfg.streamBytes, "bytes", 1<<30, "length of a stream")
	fs.BoolVar(&cfg.check, "check", false, "end with status 1 when a target is missed")
	fs.StringVar(&cfg.markdown, "markdown", "", "write the result to this file, too")
	fs.StringVar(&cfg.profile, "profile", "", "write CPU profiles of both sides into this directory")
	fs.StringVar(&cfg.serve, "serve", "", "internal: be the server of this contender")
	fs.StringVar(&cfg.socket, "socket", "", "internal: its socket")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if *quick {
		cfg.rounds, cfg.streamRounds, cfg.slice, cfg.streamBytes = 3, 2, 50*time.Millisecond, 128<<20
	}
	if cfg.rounds < 1 || cfg.streamRounds < 1 || cfg.slice <= 0 || cfg.streamBytes < blockSize {
		return nil, fmt.Errorf("-rounds, -stream-rounds and -slice must be positive, -bytes at least %d", blockSize)
	}
	var err error
	if cfg.only, err = regexp.Compile(*only); err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	if cfg.scenario, err = regexp.Compile(*scenario); err != nil {
		return nil, fmt.Errorf("-scenario: %w", err)
	}
	return cfg, nil
}
