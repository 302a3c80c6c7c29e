//go:build linux

// Command sweeper watches over a daemon that lives in a test process: it holds a
// pipe to that process, and when the process has died, however it did, removes
// what the daemon has left. Usage: sweeper DIR, with the pipe as its input. It
// owns nothing; package daemontest starts it, and all knowledge is in package
// sweep. Nobody imports it.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/enginejobs/docker/server/daemontest/sweep"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sweeper:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: sweeper DIR")
	}
	// Until the other end is closed; nothing is ever written.
	_, _ = io.Copy(io.Discard, os.Stdin)
	lock, err := sweep.Lock(args[0], true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the daemon has cleaned up itself
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return sweep.Dir(args[0])
}
