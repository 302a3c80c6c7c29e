package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// serve is the child process: it serves one contender until its stdin ends. For
// each line on its stdin it writes the CPU time that it has used, in nanoseconds.
func serve(ctx context.Context, cfg *config, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var c contender
	for _, c = range contenders() {
		if c.name == cfg.serve {
			break
		}
	}
	if c.name != cfg.serve || c.serve == nil {
		return fmt.Errorf("no contender %q has a server", cfg.serve)
	}
	l, err := net.Listen("unix", cfg.socket)
	if err != nil {
		return err
	}
	stop, err := profile(cfg.profile, "server "+c.name)
	if err != nil {
		return err
	}
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- c.serve(ctx, l)
		cancel()
	}()
	fmt.Fprintln(out, "ready")
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fmt.Fprintln(out, int64(cpuTime()))
	}
	cancel()
	return errors.Join(lines.Err(), <-ended)
}

// profile writes a CPU profile into dir until the function that it returns is called.
func profile(dir, name string) (func(), error) {
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(dir, strings.NewReplacer(" ", "-", "/", "-", ",", "").Replace(name)+".pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench-bus:", err)
		}
	}, nil
}

// cpuTime is what this process has used, in user and kernel mode.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// child is the process of a server, seen from outside.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startChild starts this program as the server of a contender and waits until it serves.
func startChild(name, socket, profileDir string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-serve", name, "-socket", socket, "-profile", profileDir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd, in, bufio.NewScanner(out)}
	if !c.out.Scan() {
		return nil, errors.Join(fmt.Errorf("the server of %s did not start", name), c.close())
	}
	return c, nil
}

// cpuTime asks the child for the CPU time that it has used.
func (c *child) cpuTime() (time.Duration, error) {
	if _, err := io.WriteString(c.in, "cpu\n"); err != nil {
		return 0, err
	}
	if !c.out.Scan() {
		return 0, errors.New("a server has ended")
	}
	n, err := strconv.ParseInt(c.out.Text(), 10, 64)
	return time.Duration(n), err
}

// close ends the child and waits for it.
func (c *child) close() error {
	_ = c.in.Close() // the sign to end
	return c.cmd.Wait()
}
