package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// errMissed is what -check ends with.
var errMissed = errors.New("a target is missed")

// column is one number of a turn and how it is written.
type column struct {
	title string
	of    func(turn) float64
	text  func(float64) string
}

func callColumns() []column {
	return []column{
		{"p50", func(t turn) float64 { return t.p50 }, duration},
		{"p99", func(t turn) float64 { return t.p99 }, duration},
		{"calls/s", func(t turn) float64 { return t.perSec }, count},
		{"CPU/call", func(t turn) float64 { return t.cpu }, duration},
	}
}

func streamColumns() []column {
	return []column{
		{"MB/s", func(t turn) float64 { return t.perSec / 1e6 }, count},
		{"CPU/MiB", func(t turn) float64 { return t.cpu }, duration},
	}
}

// print writes the table of one scenario as Markdown: medians, and the spread
// of the first number over the rounds.
func (b *board) print(w io.Writer, s scenario) {
	columns := callColumns()
	if s.stream {
		columns = streamColumns()
	}
	head := []string{"", columns[0].title, columns[0].title + " from–to"}
	for _, c := range columns[1:] {
		head = append(head, c.title)
	}
	rows := [][]string{append(head, "samples")}
	for _, r := range b.runners {
		turns := b.scores[s.name][r.name]
		if len(turns) == 0 {
			continue
		}
		first := values(turns, columns[0].of)
		line := []string{
			r.name, columns[0].text(median(first)),
			columns[0].text(slices.Min(first)) + "–" + columns[0].text(slices.Max(first)),
		}
		for _, c := range columns[1:] {
			line = append(line, c.text(median(values(turns, c.of))))
		}
		samples := fmt.Sprintf("%d × %d MiB", len(turns), b.cfg.streamBytes>>20)
		if !s.stream {
			calls := 0
			for _, t := range turns {
				calls += t.calls
			}
			samples = fmt.Sprintf("%d in %d", calls, len(turns))
		}
		rows = append(rows, append(line, samples))
	}
	title := strings.ToUpper(s.name[:1]) + s.name[1:]
	if s.stream {
		title = fmt.Sprintf("A stream of %d MiB, echoed", b.cfg.streamBytes>>20)
	}
	fmt.Fprintf(w, "## %s\n\n", title)
	table(w, rows)
}

// table writes rows with their columns in line; the first row is the head.
func table(w io.Writer, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for n, row := range rows {
		fmt.Fprint(w, "|")
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 {
				fmt.Fprintf(w, " %s%s |", cell, pad)
			} else {
				fmt.Fprintf(w, " %s%s |", pad, cell)
			}
		}
		fmt.Fprintln(w)
		if n == 0 {
			fmt.Fprint(w, "|")
			for i := range row {
				if i == 0 {
					fmt.Fprintf(w, " %s |", strings.Repeat("-", width[i]))
				} else {
					fmt.Fprintf(w, " %s: |", strings.Repeat("-", width[i]-1))
				}
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

// report writes the comparison with the targets, and all of it to the Markdown
// file.
func (b *board) report() error {
	verdicts := b.verdicts()
	printVerdicts(b.out, verdicts)
	if b.cfg.markdown != "" {
		if err := b.write(verdicts); err != nil {
			return err
		}
	}
	for _, v := range verdicts {
		if b.cfg.check && !v.ok() {
			return errMissed
		}
	}
	return nil
}

func (b *board) write(verdicts []verdict) error {
	var text strings.Builder
	fmt.Fprintf(&text, `# The bus beside its peers

Written by %s; do not edit.

Everything is measured on one machine in one run: each contender has a turn of
%v in each round, the order changes, the first round does not count. Numbers
are medians over the rounds. Client and server are processes of their own,
connected by a unix socket (the local ones are one process); Go's settings are
the defaults for all. CPU is that of both processes
together and the number that suffers least from what else the machine does.

%s

What is measured:

`, "`hack/make.sh bench-bus -markdown docs/benchmarks-bus.md`", b.cfg.slice, machine())
	for _, r := range b.runners {
		fmt.Fprintf(&text, "- %s: %s.\n", r.name, r.about)
	}
	fmt.Fprintln(&text)
	printVerdicts(&text, verdicts)
	for _, s := range scenarios() {
		if b.scores[s.name] != nil {
			b.print(&text, s)
		}
	}
	return os.WriteFile(b.cfg.markdown, []byte(strings.TrimSpace(text.String())+"\n"), 0o644)
}

// machine says what the numbers were measured on.
func machine() string {
	var u unix.Utsname
	_ = unix.Uname(&u) // then the release is empty
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	return fmt.Sprintf("Linux %s, %d cores, %s, commit %s, %s.", unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(),
		runtime.Version(), strings.TrimSpace(string(commit)), time.Now().UTC().Format("2006-01-02"))
}

func values(turns []turn, of func(turn) float64) []float64 {
	list := make([]float64, len(turns))
	for i, t := range turns {
		list[i] = of(t)
	}
	return list
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e5:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	case ns < 1e6:
		return fmt.Sprintf("%.0f µs", ns/1e3)
	}
	return fmt.Sprintf("%.2f ms", ns/1e6)
}

func count(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}
