//go:build !linux

// Package graphtest needs Linux, as all storage drivers do; elsewhere it is
// empty. Start reading in graphtest.go. Only tests import it.
package graphtest
