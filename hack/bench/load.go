package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Rows beside the engines: what is measured with the daemon of ours.
const (
	officialCLI = "official CLI"
	alone       = "net/http alone" // a server that has the answer ready
)

// benchLoad asks the API as much as it answers, and our client as often as the
// official one.
func benchLoad(ctx context.Context, b *board) error {
	if err := b.clientRows(ctx); err != nil {
		return err
	}
	p := b.pool()
	if err := p.fill(ctx, 10, true, "sleep", "1000"); err != nil {
		return err
	}
	if err := b.get(ctx, p, "GET /version", target{times: 20}, func(string) string { return "/version" }); err != nil {
		return err
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		fmt.Fprintln(b.out, "wrk is not installed (package wrk): no rates of requests")
		return p.empty()
	}
	// Ten connections of two threads are wrk's defaults. One connection mostly waits to
	// be woken, whoever answers; the targets are the same.
	for _, c := range []struct {
		path        string
		connections int
		times       float64
	}{{"/_ping", 1, 2}, {"/containers/json", 1, 15}, {"/_ping", 10, 2}, {"/containers/json", 10, 15}} {
		if err := b.requests(ctx, c.path, c.connections, target{times: c.times, rate: true}); err != nil {
			return err
		}
	}
	return p.empty()
}

// requests is the rate that wrk gets on kept connections, over TCP: it knows no
// unix sockets.
func (b *board) requests(ctx context.Context, path string, connections int, goal target) error {
	floors, stop, err := b.answering(ctx, path)
	if err != nil {
		return err
	}
	defer stop()
	name := fmt.Sprintf("GET %s, wrk, connections: %d", path, connections)
	if path == "/containers/json" {
		name += ", 10 running"
	}
	r := row{name: name, unit: "/s", goal: goal, values: map[string][]float64{}}
	for round := range max(6, b.cfg.rounds/2) {
		ask := func(name string, prefix []string, address string) error {
			args := append(prefix, "wrk", "-t"+strconv.Itoa(1+connections/10), "-c"+strconv.Itoa(connections), "-d1s", "http://"+address+"/v1.41"+path)
			rate, err := wrk(ctx, args)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", r.name, name, err)
			}
			if round > 0 {
				r.values[name] = append(r.values[name], rate)
			}
			return nil
		}
		for _, e := range b.engines {
			if at, ok := e.(interface {
				tcp() (prefix []string, address string)
			}); ok {
				prefix, address := at.tcp()
				if err := ask(e.name(), prefix, address); err != nil {
					return err
				}
			}
		}
		for name, address := range floors {
			if err := ask(name, nil, address); err != nil {
				return err
			}
		}
	}
	b.print(r)
	return nil
}

// answering serves what ours answers, without doing anything for it: by net/http,
// and by reading and writing alone, which is the floor.
func (b *board) answering(ctx context.Context, path string) (addresses map[string]string, stop func(), err error) {
	resp, err := newAPI(b.engines[0].socket()).get(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	byHTTP, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	bare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, errors.Join(err, byHTTP.Close())
	}
	length := strconv.Itoa(len(resp))
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Content-Length"] = []string{"application/json"}, []string{length}
		_, _ = w.Write(resp) // wrk counts what comes
	})}
	go func() { _ = srv.Serve(byHTTP) }() // until stop
	go echo(bare, append([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+length+"\r\n\r\n"), resp...))
	addresses = map[string]string{alone: byHTTP.Addr().String(), bareLoopback: bare.Addr().String()}
	return addresses, func() { _, _ = srv.Close(), bare.Close() }, nil
}

// echo answers whatever comes with the same, until the listener is closed. wrk
// sends one request at a time, in one piece, and hangs up.
func echo(l net.Listener, answer []byte) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			buf := make([]byte, 4<<10)
			for {
				if _, err := conn.Read(buf); err != nil {
					return
				}
				if _, err := conn.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

// get is the body of an answer.
func (a api) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/v1.41"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// wrk runs it and reads the rate of requests.
func wrk(ctx context.Context, args []string) (float64, error) {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	if bytes.Contains(out, []byte("Non-2xx")) {
		return 0, fmt.Errorf("not every answer was a success: %s", out)
	}
	_, rest, _ := strings.Cut(string(out), "Requests/sec:")
	line, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

// clientRows measure the program itself, with the daemon of ours.
func (b *board) clientRows(ctx context.Context) error {
	info, err := os.Stat(b.cfg.docker)
	if err != nil {
		return err
	}
	size := float64(info.Size()) / 1e6
	b.print(row{name: "size of docker", unit: "MB", goal: target{most: 45}, values: map[string][]float64{"ours": {size}}})
	ours := b.engines[0]
	if b.cfg.official == "" {
		b.cfg.official, _ = exec.LookPath("docker")
	}
	r := row{name: "docker version", unit: "ms", goal: target{peer: officialCLI, times: 2}, values: map[string][]float64{}}
	first := row{name: "docker version, start to first byte", unit: "ms", goal: target{most: 10}, values: map[string][]float64{}}
	for round := range b.cfg.rounds + 1 {
		for _, c := range []struct{ name, program string }{{"ours", b.cfg.docker}, {officialCLI, b.cfg.official}} {
			if c.program == "" {
				continue
			}
			begin, whole, err := firstByte(ctx, c.program, "-H", "unix://"+ours.socket(), "version")
			if err != nil {
				return err
			}
			if round > 0 {
				r.values[c.name] = append(r.values[c.name], whole)
				first.values[c.name] = append(first.values[c.name], begin)
			}
		}
	}
	b.print(r)
	b.print(first)
	return nil
}

// firstByte runs a command, and tells in ms when it began to write and when it had
// ended.
func firstByte(ctx context.Context, program string, args ...string) (begin, whole float64, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	ms := func() float64 { return float64(time.Since(began).Microseconds()) / 1000 }
	if _, err := io.ReadFull(out, make([]byte, 1)); err == nil {
		begin = ms()
	}
	_, _ = io.Copy(io.Discard, out) // Wait tells what went wrong
	err = cmd.Wait()
	return begin, ms(), err
}
