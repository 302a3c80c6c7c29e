package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// curve is how something grows with how many there are.
type curve struct {
	file, title, of, unit string // of: what the horizontal axis counts
	note                  string // why it is as it is
	points                []point
}

type point struct{ n, value float64 }

// calm is how long new links go on announcing themselves to their neighbours.
const calm = 10 * time.Second

// curves measures ours alone, with few and with very many, and writes pictures and
// a page of them to a directory.
func curves(ctx context.Context, cfg *config, out io.Writer, dir string) error {
	if err := os.Setenv("ENGINEJOBS_BIN", filepath.Dir(cfg.docker)); err != nil {
		return err
	}
	var all []*curve
	for _, measure := range []func(context.Context, *ours, api) ([]*curve, error){runningCurves, stoppedCurves, portCurves} {
		list, err := onFreshDaemon(ctx, cfg, measure)
		if err != nil {
			return err
		}
		for _, c := range list {
			for _, p := range c.points {
				fmt.Fprintf(out, "%-45s %6.0f %s: %s\n", c.title, p.n, c.of, amount(p.value, c.unit))
			}
		}
		all = append(all, list...)
	}
	return writeCurves(dir, all)
}

func onFreshDaemon(ctx context.Context, cfg *config, measure func(context.Context, *ours, api) ([]*curve, error)) (list []*curve, err error) {
	d, err := daemonproc.New(daemonproc.Options{Quiet: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := errors.Join(d.Start(), d.ImportBusybox()); err != nil {
		return nil, err
	}
	return measure(ctx, &ours{cfg: cfg, d: d}, newAPI(d.Socket()))
}

// runningCurves are those of 1 to 1,000 running containers, all on one network.
func runningCurves(ctx context.Context, o *ours, a api) ([]*curve, error) {
	const of = "running containers"
	alone := &curve{file: "running-start", title: "start of one more container", of: of, unit: "ms"}
	start := &curve{file: "running-start-bridge", title: "start of one more on the same bridge", of: of, unit: "ms",
		note: "The kernel sends what a new link announces to every link of the bridge: that grows, not the work of the engine.\n" +
			"A bridge has 1,023 links at most."}
	memory := &curve{file: "running-memory", title: "memory of daemon and exec engine (PSS)", of: of, unit: "MiB"}
	list := &curve{file: "running-list", title: "list of all that run", of: of, unit: "ms"}
	err := a.do(ctx, "POST", "/networks/create", map[string]any{
		"Name": "wide", "IPAM": map[string]any{"Config": []map[string]string{{"Subnet": "10.217.0.0/20"}}},
	}, nil)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, n := range []int{1, 3, 10, 30, 100, 300, 1000} {
		for len(ids) < n {
			id, err := a.create(ctx, "wide", "sleep", "10000")
			if err == nil {
				err = a.start(ctx, id)
			}
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		time.Sleep(calm)
		for c, network := range map[*curve]string{alone: "none", start: "wide"} {
			if err := c.sample(n, 15, func() (float64, error) { return oneMore(ctx, a, map[string]any{"NetworkMode": network}) }); err != nil {
				return nil, err
			}
		}
		if err := memory.sample(n, 1, func() (float64, error) { kib, err := pss(o.pids()); return kib / 1024, err }); err != nil {
			return nil, err
		}
		if err := list.sample(n, 5, func() (float64, error) { return a.perGet(ctx, "/containers/json") }); err != nil {
			return nil, err
		}
	}
	return []*curve{alone, start, memory, list}, together(8, len(ids), func(i int) error { return a.remove(ctx, ids[i]) })
}

// oneMore is the time that the start of a container takes, which is removed then.
func oneMore(ctx context.Context, a api, host map[string]any) (float64, error) {
	var made struct{ ID string }
	err := a.do(ctx, "POST", "/containers/create", map[string]any{
		"Image": "busybox", "Cmd": []string{"sleep", "10000"}, "HostConfig": host, "ExposedPorts": map[string]any{"80/tcp": struct{}{}},
	}, &made)
	if err != nil {
		return 0, err
	}
	ms, err := timed(func() error { return a.start(ctx, made.ID) })
	return ms, errors.Join(err, a.remove(ctx, made.ID))
}

// stoppedCurves are those of 10 to 10,000 containers that do not run.
func stoppedCurves(ctx context.Context, o *ours, a api) ([]*curve, error) {
	const of = "stopped containers"
	list := &curve{file: "stopped-list", title: "list of all", of: of, unit: "ms"}
	start := &curve{file: "stopped-daemon-start", title: "daemon start to serving", of: of, unit: "ms"}
	made := 0
	for _, n := range []int{10, 30, 100, 300, 1000, 3000, 10000} {
		err := together(4, n-made, func(int) error { _, err := a.create(ctx, "none", "true"); return err })
		if err != nil {
			return nil, err
		}
		made = n
		if err := list.sample(n, 5, func() (float64, error) { return a.perGet(ctx, "/containers/json?all=1") }); err != nil {
			return nil, err
		}
		if err := start.sample(n, 7, func() (float64, error) { took, err := o.start(ctx); return took.Seconds() * 1e3, err }); err != nil {
			return nil, err
		}
	}
	return []*curve{list, start}, nil
}

// portCurves are those of 1 to 2,000 published ports.
func portCurves(ctx context.Context, o *ours, a api) ([]*curve, error) {
	const of = "published ports"
	start := &curve{file: "ports-start", title: "start of a container with one more port", of: of, unit: "ms"}
	daemon := &curve{file: "ports-daemon-start", title: "daemon start to serving", of: of, unit: "ms"}
	var ids []string
	made := 0
	for _, n := range []int{1, 3, 10, 30, 100, 300, 1000, 2000} {
		id, err := publishing(ctx, a, n-made)
		if err != nil {
			return nil, err
		}
		ids, made = append(ids, id), n
		port := map[string]any{"PortBindings": map[string]any{"80/tcp": []map[string]string{{"HostIp": "127.0.0.1"}}}}
		if err := start.sample(n, 15, func() (float64, error) { return oneMore(ctx, a, port) }); err != nil {
			return nil, err
		}
		if err := daemon.sample(n, 7, func() (float64, error) { took, err := o.start(ctx); return took.Seconds() * 1e3, err }); err != nil {
			return nil, err
		}
	}
	return []*curve{start, daemon}, together(8, len(ids), func(i int) error { return a.remove(ctx, ids[i]) })
}

// sample adds a point: the median of some samples.
func (c *curve) sample(n, samples int, measure func() (float64, error)) error {
	var values []float64
	for range samples {
		v, err := measure()
		if err != nil {
			return fmt.Errorf("%s, %d %s: %w", c.title, n, c.of, err)
		}
		values = append(values, v)
	}
	c.points = append(c.points, point{float64(n), median(values)})
	return nil
}

// writeCurves writes a page with a picture and the numbers of each.
func writeCurves(dir string, all []*curve) error {
	if err := os.MkdirAll(filepath.Join(dir, "scaling"), 0o755); err != nil {
		return err
	}
	var page strings.Builder
	fmt.Fprintf(&page, "# Scaling\n\nWritten by `make curves`: %s, %d cores. Both axes of the pictures are logarithmic: a level\n"+
		"line is flat, one that climbs a square in a square is linear. A point is the median of several samples.\n", kernel(), cores())
	for _, c := range all {
		picture := "scaling/" + c.file + ".svg"
		if err := os.WriteFile(filepath.Join(dir, picture), c.svg(), 0o644); err != nil { //nolint:gosec // a document
			return err
		}
		fmt.Fprintf(&page, "\n## %s, by %s\n\n", strings.ToUpper(c.title[:1])+c.title[1:], c.of)
		if c.note != "" {
			page.WriteString(c.note + "\n\n")
		}
		fmt.Fprintf(&page, "![%s by %s](%s)\n\n| %s | |\n| ---: | ---: |\n", c.title, c.of, picture, c.of)
		for _, p := range c.points {
			fmt.Fprintf(&page, "| %.0f | %s |\n", p.n, amount(p.value, c.unit))
		}
	}
	return os.WriteFile(filepath.Join(dir, "scaling.md"), []byte(page.String()), 0o644) //nolint:gosec // a document
}
