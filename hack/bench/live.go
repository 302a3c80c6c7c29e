package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// benchExec runs processes in a running container.
func benchExec(ctx context.Context, b *board) error {
	p := b.pool()
	if err := p.fill(ctx, 1, true, "sleep", "1000"); err != nil {
		return err
	}
	err := b.alternate(ctx, "exec true, client", "ms", b.cfg.rounds, target{times: 5}, func(e engine) (float64, error) {
		if len(p.ids[e.name()]) == 0 {
			return -1, nil
		}
		return timed(func() error { return command(ctx, e.cli("exec", p.ids[e.name()][0], "true")) })
	})
	if err != nil {
		return err
	}
	err = b.alternate(ctx, "exec true, 8 at once, API", "/s", max(1, b.cfg.rounds/10), target{times: 10, rate: true}, func(e engine) (float64, error) {
		a, ok := p.clients[e.name()]
		if !ok {
			return -1, nil
		}
		return rate(8, 48, func(int) error { return a.exec(ctx, p.ids[e.name()][0], "true") })
	})
	if err != nil {
		return err
	}
	return p.empty()
}

// exec runs a process in a container and reads until it has ended.
func (a api) exec(ctx context.Context, id string, cmd ...string) error {
	var made struct{ ID string }
	if err := a.do(ctx, "POST", "/containers/"+id+"/exec", map[string]any{"Cmd": cmd, "AttachStdout": true}, &made); err != nil {
		return err
	}
	return a.do(ctx, "POST", "/exec/"+made.ID+"/start", map[string]any{}, nil)
}

// benchKill kills and waits.
func benchKill(ctx context.Context, b *board) error {
	clients := b.clients()
	return b.alternate(ctx, "kill and wait", "ms", b.cfg.rounds, target{times: 10}, func(e engine) (float64, error) {
		a, ok := clients[e.name()]
		if !ok {
			return -1, nil
		}
		id, err := a.create(ctx, "none", "sleep", "1000")
		if err == nil {
			err = a.start(ctx, id)
		}
		if err != nil {
			return 0, err
		}
		ms, err := timed(func() error {
			if err := a.do(ctx, "POST", "/containers/"+id+"/kill", nil, nil); err != nil {
				return err
			}
			return a.wait(ctx, id)
		})
		if err != nil {
			return 0, err
		}
		return ms, a.remove(ctx, id)
	})
}

// benchInspect asks for one container: what it is, what it uses, and when an
// event tells of a new one.
func benchInspect(ctx context.Context, b *board) error {
	p := b.pool()
	if err := p.fill(ctx, 1, true, "sleep", "1000"); err != nil {
		return err
	}
	if err := b.get(ctx, p, "inspect, API", target{times: 2}, func(id string) string { return "/containers/" + id + "/json" }); err != nil {
		return err
	}
	err := b.get(ctx, p, "stats, one sample, API", target{most: 3}, func(id string) string {
		return "/containers/" + id + "/stats?stream=0&one-shot=1"
	})
	if err != nil {
		return err
	}
	if err := p.empty(); err != nil {
		return err
	}
	return b.alternate(ctx, "create to event", "ms", b.cfg.rounds, target{most: 2}, func(e engine) (float64, error) {
		a, ok := p.clients[e.name()]
		if !ok {
			return -1, nil
		}
		return a.createToEvent(ctx)
	})
}

// createToEvent is the time from the request until the event is read.
func (a api) createToEvent(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://docker/v1.41/events?filters=%7B%22event%22%3A%5B%22create%22%5D%7D", nil)
	if err != nil {
		return 0, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	time.Sleep(5 * time.Millisecond) // the subscription stands
	seen := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(resp.Body).ReadString('\n')
		seen <- err
	}()
	began := time.Now()
	id, err := a.create(ctx, "none", "true")
	if err != nil {
		return 0, err
	}
	if err := <-seen; err != nil {
		return 0, err
	}
	ms := float64(time.Since(began).Microseconds()) / 1000
	return ms, a.remove(ctx, id)
}

const (
	logged   = 50 << 20 // bytes of text that a container says
	readLogs = 4        // so often for the bench of reading: 200 MB
)

// benchLogs has containers say much, to a log and to a client.
func benchLogs(ctx context.Context, b *board) error {
	dir, err := os.MkdirTemp("", "ejt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	big := filepath.Join(dir, "big")
	line := strings.Repeat("0123456789", 10)[:99] + "\n"
	if err := os.WriteFile(big, []byte(strings.Repeat(line, logged/len(line))), 0o644); err != nil { //nolint:gosec // read in containers
		return err
	}
	clients, rounds := b.clients(), min(3, b.cfg.rounds)
	said := map[string]string{}
	err = b.alternate(ctx, "a container writes to json-file", "MB/s", rounds, target{times: 8, rate: true}, func(e engine) (float64, error) {
		a, ok := clients[e.name()]
		if !ok {
			return -1, nil
		}
		if id := said[e.name()]; id != "" {
			if err := a.remove(ctx, id); err != nil {
				return 0, err
			}
		}
		id, err := a.talker(ctx, big, "cat /big /big /big /big", false)
		if err != nil {
			return 0, err
		}
		said[e.name()] = id
		ms, err := timed(func() error {
			if err := a.start(ctx, id); err != nil {
				return err
			}
			return a.wait(ctx, id)
		})
		return logged * readLogs / ms / 1000, err
	})
	if err != nil {
		return err
	}
	err = b.alternate(ctx, "reading 200 MB of logs", "MB/s", 1, target{times: 15, rate: true}, func(e engine) (float64, error) {
		a, ok := clients[e.name()]
		if !ok {
			return -1, nil
		}
		var n int64
		ms, err := timed(func() (err error) {
			n, err = a.drain(ctx, "/containers/"+said[e.name()]+"/logs?stdout=1")
			return err
		})
		return float64(n) / ms / 1000, err
	})
	if err != nil {
		return err
	}
	for name, id := range said {
		if err := clients[name].remove(ctx, id); err != nil {
			return err
		}
	}
	return b.alternate(ctx, "attach of cat bigfile, json-file", "MB/s", rounds, target{times: 6, rate: true}, func(e engine) (float64, error) {
		a, ok := clients[e.name()]
		if !ok {
			return -1, nil
		}
		return a.attach(ctx, e.socket(), big)
	})
}

// talker makes a container that sees the big file.
func (a api) talker(ctx context.Context, big, script string, attached bool) (string, error) {
	var made struct{ ID string }
	err := a.do(ctx, "POST", "/containers/create", map[string]any{
		"Image": "busybox", "Cmd": []string{"sh", "-c", script}, "AttachStdout": attached,
		"HostConfig": map[string]any{"NetworkMode": "none", "Binds": []string{big + ":/big:ro"}},
	}, &made)
	return made.ID, err
}

// drain reads an answer to its end and tells its size.
func (a api) drain(ctx context.Context, path string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://docker/v1.41"+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return io.Copy(io.Discard, resp.Body)
}

// attach reads what a container says that prints the big file, and gives MB/s.
func (a api) attach(ctx context.Context, socket, big string) (float64, error) {
	id, err := a.talker(ctx, big, "cat /big", true)
	if err != nil {
		return 0, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "POST /v1.41/containers/%s/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", id); err != nil {
		return 0, err
	}
	in := bufio.NewReaderSize(conn, 256<<10)
	for line := ""; line != "\r\n"; {
		if line, err = in.ReadString('\n'); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	if err := a.start(ctx, id); err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, in)
	if err != nil || n < logged {
		return 0, fmt.Errorf("attach gave %d bytes: %w", n, err)
	}
	ms := float64(time.Since(began).Microseconds()) / 1000
	return float64(n) / ms / 1000, a.remove(ctx, id)
}
