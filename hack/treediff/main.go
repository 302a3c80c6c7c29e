// Command treediff prints in what two images, or two containers, of two daemons
// differ: types, modes, owners, links, attributes, sizes and contents of all
// files, and the fields of their documents, history with them. It owns nothing.
// Start reading at run; the comparison is package compare. People run it and look
// at what it prints; tests use the package.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/enginejobs/docker/hack/treediff/compare"
)

const usage = `usage: treediff [flags] HOST-A HOST-B NAME [NAME-AT-B]

Prints what differs between image NAME of two daemons, a line each, A's first.
A HOST is unix:///path or tcp://host:port. Exits with 1 when something does.

`

// errDiffer is the exit code and nothing to be said.
var errDiffer = errors.New("they differ")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, errDiffer):
		os.Exit(1)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "treediff:", err)
		os.Exit(2)
	}
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string         { return strings.Join(*l, " ") }
func (l *list) Set(value string) error { *l = append(*l, value); return nil }

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("treediff", flag.ContinueOnError)
	var ignored, loose, fields, below list
	containers := flags.Bool("container", false, "compare containers and not images")
	all := flags.Bool("all", false, "compare times, random names and versions, too")
	layers := flags.Bool("layers", false, "print the names in each layer where they differ, too")
	flags.Var(&ignored, "ignore", "leave out files of this `pattern` (var/log/** has all below)")
	flags.Var(&loose, "any-content", "do not compare the content of files of this `pattern`")
	flags.Var(&fields, "ignore-field", "leave out fields of this `pattern`, such as config/Labels/*")
	flags.Var(&below, "only-field", "compare only fields that begin with this `text`")
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage); flags.PrintDefaults() }
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 3 || flags.NArg() > 4 {
		flags.Usage()
		return flag.ErrHelp
	}
	look := compare.Image
	if *containers {
		look = compare.Container
	}
	a, err := look(ctx, flags.Arg(0), flags.Arg(2))
	if err != nil {
		return err
	}
	b, err := look(ctx, flags.Arg(1), flags.Arg(flags.NArg()-1))
	if err != nil {
		return err
	}
	opt := compare.Options{IgnoreFiles: ignored, SizesOnly: loose, IgnoreFields: fields, FieldsBelow: below}
	if !*all {
		opt.IgnoreFields = append(opt.IgnoreFields, compare.Volatile()...)
	}
	found := compare.Differences(a, b, opt)
	if *layers {
		found = append(found, compare.LayerDifferences(a, b, opt)...)
	}
	for _, d := range found {
		fmt.Fprintln(out, d)
	}
	if len(found) > 0 {
		return errDiffer
	}
	return nil
}
