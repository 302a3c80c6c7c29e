//go:build !linux

// Package graphdrivers needs Linux; elsewhere it is empty, so that the client half of
// the program builds. Start reading in the files named _linux. Nothing imports
// it here.
package graphdrivers
