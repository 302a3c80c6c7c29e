package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/enginejobs/docker/errdefs"
)

// stats runs the job container_stats. The head goes out at once, because of a
// container that does not run nothing may follow for long. The first versions
// knew streams only, and nothing of those that do not run.
func stats(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	streams := true
	if form, err := x.values(); err != nil {
		return err
	} else if given := form["stream"]; x.v >= v1(19) && len(given) > 0 {
		streams = truthy(given[0])
	}
	oneShot := x.v >= v1(41) && truthy(x.value("one-shot"))
	if streams && oneShot {
		return errdefs.InvalidArgument("cannot have stream=true and one-shot=true")
	}
	job.SetenvBool("stream", streams)
	job.SetenvBool("one_shot", oneShot)
	job.SetenvBool("stopped", x.v >= v1(21))
	out := &sink{w: x.w, code: http.StatusOK, media: "application/json", flush: true, patience: x.s.patience}
	defer out.unhurry()
	if need := needed(shapeStats(), x.v); len(need) > 0 {
		job.Stdout.Add(&lineShaper{out: out, need: need})
	} else {
		job.Stdout.Add(out)
	}
	if err := x.run(job); err != nil {
		return err
	}
	out.begin()
	return nil
}

// lineShaper edits a stream of JSON objects, one a line.
type lineShaper struct {
	out  *sink
	need []shape
	part []byte // of a line that has not ended
}

// Write takes whole and partial lines.
func (s *lineShaper) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return s.out.Write(p)
	}
	s.part = append(s.part, p...)
	for {
		line, rest, whole := bytes.Cut(s.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		doc, err := decodeAny(line)
		if err != nil {
			return 0, errdefs.Internal("a line of a stream is no JSON document: %w", err)
		}
		for _, n := range s.need {
			doc = n.edit(doc)
		}
		body, err := json.Marshal(doc)
		if err != nil {
			return 0, errdefs.Internal("encoding a line of a stream: %w", err)
		}
		if _, err := s.out.Write(append(body, '\n')); err != nil {
			return 0, err
		}
		s.part = append(s.part[:0:0], rest...)
	}
}

// shapeStats edits a sample. What the newest shape leaves out when it is zero
// was always there once.
func shapeStats() []shape {
	counters := []string{
		"rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped",
	}
	return []shape{
		before(27, func(m members) {
			forget(sub(m, "cpu_stats"), "online_cpus")
			forget(sub(m, "precpu_stats"), "online_cpus")
		}),
		before(25, drop("preread", "num_procs", "storage_stats", "name", "id")),
		before(25, func(m members) {
			present(sub(m, "memory_stats"), json.Number("0"), "usage", "max_usage", "failcnt", "limit")
			present(sub(m, "memory_stats"), members{}, "stats")
			for _, name := range []string{"cpu_stats", "precpu_stats"} {
				present(sub(m, name), json.Number("0"), "system_cpu_usage")
				present(sub(sub(m, name), "cpu_usage"), nil, "percpu_usage")
			}
		}),
		before(23, drop("pids_stats")),
		before(21, func(m members) {
			sum := members{}
			present(sum, json.Number("0"), counters...)
			all, _ := m["networks"].(members)
			for _, one := range all {
				if one, ok := one.(members); ok {
					for _, name := range counters {
						sum[name] = add(sum[name], one[name])
					}
				}
			}
			delete(m, "networks")
			m["network"] = sum
		}),
		before(21, func(m members) {
			tables := sub(m, "blkio_stats")
			for name, table := range tables {
				if table == nil {
					tables[name] = []any{}
				}
			}
		}),
		before(19, drop("precpu_stats")),
	}
}

// present sets members that are not there.
func present(m members, value any, names ...string) {
	for _, name := range names {
		if _, ok := m[name]; !ok {
			m[name] = value
		}
	}
}

// add adds two numbers of a document.
func add(a, b any) json.Number {
	x, _ := a.(json.Number)
	y, _ := b.(json.Number)
	n, _ := strconv.ParseUint(x.String(), 10, 64)
	more, _ := strconv.ParseUint(y.String(), 10, 64)
	return json.Number(strconv.FormatUint(n+more, 10))
}
