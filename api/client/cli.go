// Package client owns the command line: it parses what the user typed, asks a
// daemon over HTTP and shows the answer. It owns no state beyond one
// invocation; everything from the outside (streams, environment, clock,
// signals) is a parameter.
//
// Start reading at Main, then commands.go (the table of commands) and stop.go
// (a small command); run.go and session.go are the choreography of a container
// in the foreground. The package must not import engine or any handler: it
// knows the daemon only through package api.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/enginejobs/docker/pkg/mflag"
)

// Streams are where the command reads and writes. A stream that is a terminal
// is recognised by its Fd method.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Env finds a variable of the environment, as os.LookupEnv.
type Env func(key string) (string, bool)

func (e Env) get(key string) string {
	v, _ := e(key)
	return v
}

// CLI is one invocation.
type CLI struct {
	Streams
	env     Env
	http    *httpClient
	debug   bool
	context string                                       // name of the one in use
	files   string                                       // --config: where config.json is; "" for the usual place
	jobs    func(ctx context.Context) (jobEngine, error) // the commands of job only
	now     func() time.Time
	// notify delivers the signals to c until stop is called; a nil list is
	// never passed.
	notify func(c chan<- os.Signal, list ...os.Signal) (stop func())
}

// Main runs one command line (without the program's name) and returns the exit
// status of the process.
func Main(ctx context.Context, args []string, s Streams, env Env) int {
	cli := &CLI{Streams: s, env: env, now: time.Now, notify: notifySignals}
	cli.jobs = cli.dialJobs
	return cli.report(cli.dispatch(ctx, args))
}

func notifySignals(c chan<- os.Signal, list ...os.Signal) func() {
	signal.Notify(c, list...)
	return func() { signal.Stop(c) }
}

// runFunc does the work of a command whose flags have been parsed.
type runFunc func(ctx context.Context, args []string) error

// Command is a row of the table in commands.go.
type Command struct {
	Name    string
	Args    string // the usage line after the options
	Summary string
	Long    string // of the help, after the options; lines with their ends
	Count   count
	// Also lists the other spellings: "container ls".
	Also []string
	// Stop says that flags end at the first positional word, because the
	// words that follow belong to somebody else.
	Stop   bool
	Hidden bool // programs call it, people do not
	// New declares the flags and returns what runs after parsing.
	New func(*CLI, *mflag.Set) runFunc
}

// count is how many positional words a command takes; max < 0 means any number.
type count struct{ min, max int }

func (c count) check(n int) error {
	switch {
	case n >= c.min && (c.max < 0 || n <= c.max):
		return nil
	case c.min == c.max:
		return fmt.Errorf("requires %s", plural("", c.min))
	case n < c.min:
		return fmt.Errorf("requires %s", plural("a minimum of ", c.min))
	}
	return fmt.Errorf("requires %s", plural("a maximum of ", c.max))
}

func plural(before string, n int) string {
	if n == 1 {
		return before + "1 argument"
	}
	return fmt.Sprintf("%s%d arguments", before, n)
}

// dispatch handles the global flags and finds the command.
func (cli *CLI) dispatch(ctx context.Context, args []string) error {
	g, set := newGlobals(cli.env)
	if err := set.Parse(args); err != nil {
		if errors.Is(err, mflag.ErrHelp) {
			return cli.printUsage(set)
		}
		return &flagError{command: "", err: err, flags: set.Names()}
	}
	args = set.Args()
	switch {
	case g.version:
		return cli.printVersionLine()
	case g.help, len(args) == 0:
		return cli.printUsage(set)
	}
	if err := cli.configure(g, set); err != nil {
		return err
	}
	return cli.runCommand(ctx, set, args)
}

func (cli *CLI) runCommand(ctx context.Context, global *mflag.Set, args []string) error {
	if args[0] == completeWord {
		return cli.complete(ctx, args[1:])
	}
	if strings.EqualFold(args[0], "help") {
		if len(args) == 1 {
			return cli.printUsage(global)
		}
		cmd, name, _ := findCommand(args[1:])
		if cmd == nil && strings.EqualFold(args[1], "job") && len(args) == 3 { // help job NAME is job help NAME
			help, _, rest := findCommand([]string{"job", "help", args[2]})
			return help.New(cli, new(mflag.Set))(ctx, rest)
		}
		if cmd == nil {
			if isGroup(args[1]) {
				return cli.printGroup(args[1])
			}
			return unknownCommand(args[1])
		}
		return cli.printCommand(cmd, name)
	}
	cmd, name, rest := findCommand(args)
	if cmd == nil {
		if isGroup(args[0]) {
			return cli.groupHelp(args)
		}
		return unknownCommand(args[0])
	}
	set := &mflag.Set{Interspersed: !cmd.Stop, Warn: cli.Err}
	run := cmd.New(cli, set)
	if err := set.Parse(rest); err != nil {
		if errors.Is(err, mflag.ErrHelp) {
			return cli.printCommand(cmd, name)
		}
		return &flagError{command: name, err: err, flags: set.Names()}
	}
	if err := cmd.Count.check(len(set.Args())); err != nil {
		return statusErrorf(exitFailure, "docker: %q %v. See 'docker %s --help'.", name, err, name)
	}
	if err := checkPossible(cmd, set); err != nil {
		return err
	}
	if err := cli.http.require(func(version string) error { return checkVersion(cmd, name, set, version) }); err != nil {
		return err
	}
	return run(ctx, set.Args())
}

func (cli *CLI) groupHelp(args []string) error {
	if len(args) == 1 || args[1] == "--help" || args[1] == "-h" {
		return cli.printGroup(args[0])
	}
	return unknownCommand(args[0] + " " + args[1])
}

func unknownCommand(name string) error {
	text := fmt.Sprintf("docker: '%s' is not a docker command. See 'docker --help'.", name)
	if hint := suggestCommand(name); hint != "" {
		text += "\n" + hint
	}
	return statusErrorf(exitFailure, "%s", text)
}
