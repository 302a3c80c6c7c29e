package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// target is what a row is to reach. The zero value wants nothing.
type target struct {
	peer  string  // to be compared with; "" means dockerd
	times float64 // ours is to be so many times better
	most  float64 // the median is to be at most this, in the row's unit
	every float64 // each sample is to be at most this
	rate  bool    // more is better
}

func (g target) with() string {
	if g.peer == "" {
		return "dockerd"
	}
	return g.peer
}

// ratio is how many times better ours is than a peer: 0 when one is missing.
func (r *row) ratio(peer string) float64 {
	ours, theirs := median(r.values["ours"]), median(r.values[peer])
	if ours == 0 || theirs == 0 {
		return 0
	}
	if r.goal.rate {
		return ours / theirs
	}
	return theirs / ours
}

// wanted says in words what the row is to reach; "" when nothing.
func (r *row) wanted() string {
	var words []string
	if r.goal.times > 0 {
		words = append(words, fmt.Sprintf("≥ %g× of %s", r.goal.times, r.goal.with()))
	}
	if r.goal.most > 0 {
		words = append(words, fmt.Sprintf("≤ %g %s", r.goal.most, r.unit))
	}
	if r.goal.every > 0 {
		words = append(words, fmt.Sprintf("≤ %g %s every time", r.goal.every, r.unit))
	}
	return strings.Join(words, ", ")
}

// verdict says whether the target is met; "" without one, or where the peer is
// missing that it speaks of.
func (r *row) verdict() string {
	ours := r.values["ours"]
	if r.wanted() == "" || len(ours) == 0 {
		return ""
	}
	if r.goal.times > 0 {
		ratio := r.ratio(r.goal.with())
		if ratio == 0 {
			return ""
		}
		if ratio < r.goal.times {
			return "NOT met"
		}
	}
	if r.goal.most > 0 && median(ours) > r.goal.most || r.goal.every > 0 && slices.Max(ours) > r.goal.every {
		return "NOT met"
	}
	return "met"
}

// report writes all rows as a page.
func (b *board) report(path string) error {
	var page strings.Builder
	fmt.Fprintf(&page, "# Benchmarks\n\nWritten by `make bench` on %s: %s, %d cores; engines: %s. The samples of a row are\n"+
		"taken in turns, one of each engine per round. A cell has the median, and in brackets\nthe least and the greatest of its samples.\n\n",
		time.Now().UTC().Format("2006-01-02"), kernel(), cores(), b.names())
	page.WriteString("| Measurement |")
	for _, e := range b.engines {
		page.WriteString(" " + e.name() + " |")
	}
	page.WriteString(" samples | ratio | target | |\n|" + strings.Repeat(" --- |", len(b.engines)+5) + "\n")
	for _, r := range b.rows {
		if len(r.values["ours"]) == 0 {
			continue // a program of the system alone: below
		}
		fmt.Fprintf(&page, "| %s |", r.name)
		for _, e := range b.engines {
			page.WriteString(" " + spread(r.values[e.name()], r.unit) + " |")
		}
		ratio := ""
		if x := r.ratio(r.goal.with()); x > 0 {
			ratio = fmt.Sprintf("%.1f×", x)
		}
		fmt.Fprintf(&page, " %d | %s | %s | %s |\n", len(r.values["ours"]), ratio, r.wanted(), r.verdict())
	}
	b.reportOthers(&page)
	page.WriteString("\nThe ratio says how many times better ours is than the peer of the target, or than dockerd.\n")
	return os.WriteFile(path, []byte(page.String()), 0o644) //nolint:gosec // a document
}

// reportOthers lists what has no column.
func (b *board) reportOthers(page *strings.Builder) {
	began := false
	for _, r := range b.rows {
		var cells []string
		for _, name := range b.others(r) {
			cells = append(cells, name+" "+spread(r.values[name], r.unit))
		}
		if len(cells) == 0 {
			continue
		}
		if !began {
			page.WriteString("\nOther programs, measured in the same rounds:\n\n")
			began = true
		}
		fmt.Fprintf(page, "- %s: %s\n", r.name, strings.Join(cells, ", "))
	}
}

// spread is a cell of the page.
func spread(values []float64, unit string) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return amount(values[0], unit)
	}
	return fmt.Sprintf("%s (%.3g–%.3g)", amount(median(values), unit), slices.Min(values), slices.Max(values))
}
