package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
)

// mostRepeated is how many failed tests may be tried alone: where more fail,
// something is broken.
const mostRepeated = 3

// event is one line of test2json.
type event struct {
	Action, Package, Test, Output string
}

// outcome is what one run of go test came to.
type outcome struct {
	counters
	top    int      // tests that passed, without subtests
	failed []string // "package test" of those that failed, without subtests
	broken bool     // a package did not compile, its process died, or a race was seen
}

// repeatable tells whether what failed may be tried alone. Never so a race.
func (o outcome) repeatable() bool {
	return len(o.failed) > 0 && len(o.failed) <= mostRepeated && !o.broken
}

// names are the failed tests, one "package test" a line.
func (o outcome) names() string {
	slices.Sort(o.failed)
	return strings.Join(o.failed, "\n") + "\n"
}

// report prints packages as they end, the whole output of tests that failed,
// and the reasons of those that were skipped.
func report(in io.Reader, out io.Writer) (outcome, error) {
	var sum outcome
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
			sum.broken = sum.broken || strings.HasPrefix(e.Output, "WARNING: DATA RACE")
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
					sum.broken = true
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
		sum.broken = true
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

func (o *outcome) add(e event, log []string, skips map[string]int, out io.Writer) {
	sub := strings.Contains(e.Test, "/")
	switch {
	case e.Test == "":
	case e.Action == "pass":
		o.Passed++
		if !sub {
			o.top++
		}
	case e.Action == "fail":
		o.Failed++
		if !sub {
			o.failed = append(o.failed, e.Package+" "+e.Test)
		}
		fmt.Fprint(out, strings.Join(log, ""))
	case e.Action == "skip":
		o.Skipped++
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
