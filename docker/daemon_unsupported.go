//go:build !linux

package main

import (
	"context"
	"fmt"
	"io"
)

// runDaemon says that this system can only be a client.
func runDaemon(_ context.Context, _ []string, _ func(string) string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "docker: the daemon runs on Linux only; use -H to reach one")
	return 1
}
