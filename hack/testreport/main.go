// Command testreport reads the output of `go test -json`, prints what go test
// would have printed, and ends with one line that says how many tests passed,
// failed and were skipped. It owns no state but its counters. Start reading at
// report. With -totals FILE it adds its counters to those in the file; with
// -final it reads nothing and prints the totals.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strings"
)

// counters are what one run, or several, came to.
type counters struct{ Passed, Failed, Skipped int }

// event is one line of test2json.
type event struct {
	Action, Package, Test, Output string
}

func main() {
	totals := flag.String("totals", "", "file that counters are added up in")
	final := flag.Bool("final", false, "print the totals and quit")
	flag.Parse()
	if err := run(*totals, *final, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

func run(file string, final bool, in io.Reader, out io.Writer) error {
	sum, err := load(file)
	if err != nil {
		return err
	}
	if !final {
		run, err := report(in, out)
		if err != nil {
			return err
		}
		sum.Passed += run.Passed
		sum.Failed += run.Failed
		sum.Skipped += run.Skipped
		if file != "" {
			text, _ := json.Marshal(sum) // three numbers always marshal
			if err := os.WriteFile(file, text, 0o600); err != nil {
				return err
			}
		}
		if run.Failed > 0 {
			return fmt.Errorf("%d tests failed", run.Failed)
		}
		return nil
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", sum.Passed, sum.Failed, sum.Skipped)
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

// report prints packages as they end, the whole output of tests that failed,
// and the reasons of those that were skipped.
func report(in io.Reader, out io.Writer) (counters, error) {
	var sum counters
	logs := map[string][]string{} // output of running tests, by package and test
	skips := map[string]int{}     // reason -> times
	failed := map[string]bool{}   // packages with a failed test
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text()) // what a tool printed in between
			continue
		}
		key := e.Package + "\x00" + e.Test
		switch e.Action {
		case "output":
			if e.Test == "" {
				if plain := strings.TrimSpace(e.Output); plain != "PASS" && !strings.HasPrefix(plain, "=== ") {
					fmt.Fprint(out, e.Output)
				}
				continue
			}
			logs[key] = append(logs[key], e.Output)
		case "build-output":
			fmt.Fprint(out, e.Output)
		case "pass", "fail", "skip":
			if e.Action == "fail" {
				if e.Test == "" && !failed[e.Package] {
					sum.Failed++ // it did not compile, or its process ended by itself
				}
				failed[e.Package] = true
			}
			sum.add(e, logs[key], skips, out)
			delete(logs, key)
		}
	}
	// Tests that never ended: their process died.
	for key, text := range logs {
		pkg, test, _ := strings.Cut(key, "\x00")
		fmt.Fprintf(out, "--- UNFINISHED: %s (%s)\n%s", test, pkg, strings.Join(text, ""))
		sum.Failed++
	}
	reasons := make([]string, 0, len(skips))
	for reason := range skips {
		reasons = append(reasons, reason)
	}
	sort.Strings(reasons)
	for _, reason := range reasons {
		fmt.Fprintf(out, "skipped %d: %s\n", skips[reason], reason)
	}
	return sum, lines.Err()
}

func (c *counters) add(e event, log []string, skips map[string]int, out io.Writer) {
	switch {
	case e.Test == "":
	case e.Action == "pass":
		c.Passed++
	case e.Action == "fail":
		c.Failed++
		fmt.Fprint(out, strings.Join(log, ""))
	case e.Action == "skip":
		c.Skipped++
		skips[reason(log)]++
	}
}

// reason finds why a test was skipped: the last line of its log that is not a
// frame of the runner.
func reason(log []string) string {
	for i := len(log) - 1; i >= 0; i-- {
		line := strings.TrimSpace(log[i])
		if line == "" || strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "=== ") {
			continue
		}
		if _, after, ok := strings.Cut(line, ".go:"); ok {
			_, line, _ = strings.Cut(after, ": ")
		}
		return line
	}
	return "no reason given"
}
