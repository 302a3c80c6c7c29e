// Command docker is both halves of the engine in one program: without -d it is
// the command line (package api/client), with -d the daemon (daemon_linux.go,
// which is the only file here that links the daemon's packages).
//
// It owns the process: its arguments, environment, standard streams and exit
// status. Start reading at main. Nothing imports it.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/enginejobs/docker/api/client"
)

func main() {
	os.Exit(run(os.Args))
}

// run chooses the half. A program that is called dockerd is the daemon.
func run(argv []string) int {
	ctx := context.Background()
	args := argv[1:]
	daemonArgs, daemon := client.WantsDaemon(args, os.LookupEnv)
	if !daemon && filepath.Base(argv[0]) == "dockerd" {
		daemonArgs, daemon = append([]string{"-d"}, args...), true
	}
	if daemon {
		return runDaemon(ctx, daemonArgs, os.Getenv, os.Stdout, os.Stderr)
	}
	streams := client.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	return client.Main(ctx, args, streams, os.LookupEnv)
}
