// Command testreport reads the output of `go test -json`, prints what go test
// would have printed, and ends with one line that says how many tests passed,
// failed and were skipped. It owns no state but its counters. Start reading at
// report. With -totals FILE it adds its counters to those in the file; with
// -final it reads nothing and prints the totals. With -again FILE the few tests
// that failed are named in the file, to be run again with nothing beside
// them, and -alone says that this is that run: who fails in it has failed, and
// who passes is counted as unsteady, which the totals tell.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// counters are what one run, or several, came to.
type counters struct{ Passed, Failed, Skipped, Unsteady int }

// options are the flags of a run.
type options struct {
	totals string // file that counters are added up in, none if empty
	again  string // file for the tests to try alone, none if empty
	alone  bool   // this run tries tests alone
	final  bool   // print the totals and quit
}

func main() {
	var o options
	flag.StringVar(&o.totals, "totals", "", "file that counters are added up in")
	flag.StringVar(&o.again, "again", "", "file for the names of the few tests that failed, to be tried alone")
	flag.BoolVar(&o.alone, "alone", false, "what is read are tests that failed before, each alone")
	flag.BoolVar(&o.final, "final", false, "print the totals and quit")
	flag.Parse()
	if err := run(o, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

func run(o options, in io.Reader, out io.Writer) error {
	sum, err := load(o.totals)
	if err != nil {
		return err
	}
	if o.final {
		return final(sum, out)
	}
	got, err := report(in, out)
	if err != nil {
		return err
	}
	if o.again != "" && got.repeatable() {
		if err := os.WriteFile(o.again, []byte(got.names()), 0o600); err != nil {
			return err
		}
		fmt.Fprintf(out, "testreport: %d failed and are tried alone\n", len(got.failed))
		got.Failed = 0
	}
	if o.alone {
		got.Unsteady = got.top
	}
	sum.Passed += got.Passed
	sum.Failed += got.Failed
	sum.Skipped += got.Skipped
	sum.Unsteady += got.Unsteady
	if o.totals != "" {
		text, _ := json.Marshal(sum) // four numbers always marshal
		if err := os.WriteFile(o.totals, text, 0o600); err != nil {
			return err
		}
	}
	if got.Failed > 0 {
		return fmt.Errorf("%d tests failed", got.Failed)
	}
	return nil
}

func final(sum counters, out io.Writer) error {
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped", sum.Passed, sum.Failed, sum.Skipped)
	if sum.Unsteady > 0 {
		fmt.Fprintf(out, ", %d of them unsteady: failed beside others and passed alone, which is a fault to be found", sum.Unsteady)
	}
	fmt.Fprintln(out)
	if sum.Failed > 0 || sum.Passed == 0 {
		return errors.New("not all is well")
	}
	return nil
}

func load(file string) (counters, error) {
	var sum counters
	if file == "" {
		return sum, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return sum, nil
	}
	if err != nil {
		return sum, err
	}
	return sum, json.Unmarshal(text, &sum)
}
