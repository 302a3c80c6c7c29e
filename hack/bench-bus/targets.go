package main

import (
	"fmt"
	"io"
)

// verdict is one target and what was measured of it. The ratio is the median of
// the ratios within a round, so that a slow minute of the machine, which slows
// both sides down, does not decide.
type verdict struct {
	what   string
	ratio  float64
	target float64
	atMost bool // else at least
}

func (v verdict) ok() bool {
	if v.atMost {
		return v.ratio <= v.target
	}
	return v.ratio >= v.target
}

// verdicts compares with the targets: local dispatch 100 times as fast as any
// peer; remote jobs over a unix socket as many as gRPC's calls at no more than
// its latency; a stream through a job at 80 % of a plain copy.
func (b *board) verdicts() []verdict {
	var list []verdict
	add := func(what, scenario, of, to string, value func(turn) float64, target float64, atMost bool) {
		if ratio, ok := b.ratio(scenario, of, to, value); ok {
			list = append(list, verdict{what: what, ratio: ratio, target: target, atMost: atMost})
		}
	}
	p50 := func(t turn) float64 { return t.p50 }
	p99 := func(t turn) float64 { return t.p99 }
	perSec := func(t turn) float64 { return t.perSec }
	for _, peer := range []string{nameNetRPC, nameGRPC, nameJSON} {
		for _, local := range []string{nameDispatch, nameLocal} {
			add("latency of "+peer+" / "+local, "one caller, 64 B", peer, local, p50, 100, false)
		}
	}
	for _, s := range scenarios() {
		if s.stream {
			continue
		}
		add("calls/s of "+nameSession+" / gRPC, "+s.name, s.name, nameSession, nameGRPC, perSec, 1, false)
		add("p50 of "+nameSession+" / gRPC, "+s.name, s.name, nameSession, nameGRPC, p50, 1, true)
		add("p99 of "+nameSession+" / gRPC, "+s.name, s.name, nameSession, nameGRPC, p99, 1, true)
	}
	add("stream of "+nameSession+" / "+namePlain, "stream", nameSession, namePlain, perSec, 0.8, false)
	return list
}

// ratio is the median over the rounds of what one contender scored to what
// another one did.
func (b *board) ratio(scenario, of, to string, value func(turn) float64) (float64, bool) {
	ours, theirs := b.scores[scenario][of], b.scores[scenario][to]
	var list []float64
	for i := range min(len(ours), len(theirs)) {
		if v := value(theirs[i]); v > 0 {
			list = append(list, value(ours[i])/v)
		}
	}
	return median(list), len(list) > 0
}

func printVerdicts(w io.Writer, verdicts []verdict) {
	if len(verdicts) == 0 {
		return
	}
	rows := [][]string{{"Target", "wanted", "measured", ""}}
	for _, v := range verdicts {
		sign, word := "≥", "met"
		if v.atMost {
			sign = "≤"
		}
		if !v.ok() {
			word = "MISSED"
		}
		rows = append(rows, []string{v.what, fmt.Sprintf("%s %g", sign, v.target), fmt.Sprintf("%.2f", v.ratio), word})
	}
	fmt.Fprint(w, "## Targets\n\n")
	table(w, rows)
}
