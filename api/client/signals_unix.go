//go:build !windows

package client

import (
	"os"
	"strings"
	"syscall"

	"github.com/moby/sys/signal"
)

// fatalSignals would end the program while the terminal is raw.
var fatalSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// resizeSignal tells that the terminal has a new size.
var resizeSignal os.Signal = syscall.SIGWINCH

// proxiedSignals are those that somebody may mean for a container, the usual
// ones first. Not among them are what the client needs itself: CHLD, URG (the
// Go scheduler's), PIPE (must end a client whose reader has left), TTIN and TTOU
// (must stop one that uses its terminal from the background), and the faults of
// its own code. Every signal more costs 20 µs at the start of run.
func proxiedSignals() []os.Signal {
	list := make([]os.Signal, 0, 32)
	for _, name := range []string{
		"TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "TSTP", "CONT", "ALRM", "ABRT", "IO", "PROF", "PWR",
		"STKFLT", "SYS", "VTALRM", "XCPU", "XFSZ",
	} {
		if s, ok := signal.SignalMap[name]; ok {
			list = append(list, s)
		}
	}
	return list
}

// signalName is the name that the kill request carries: "INT". A signal that
// has no name has none here either, and is not sent.
func signalName(s os.Signal) string {
	best := ""
	for name, sig := range signal.SignalMap {
		if sig != s {
			continue
		}
		// Some numbers have two names (ABRT, IOT): take the usual one.
		switch name {
		case "IOT", "CLD", "POLL", "UNUSED":
			if best == "" {
				best = name
			}
		default:
			if best == "" || !strings.HasPrefix(name, "RT") {
				best = name
			}
		}
	}
	return best
}

func signalNumber(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return 0
}
