// Package testcontainers uses the engine of DOCKER_HOST as programmers do who test
// with testcontainers-go. It owns what its tests start. It is a module of its own,
// which keeps the library out of ours, and is run by
// integration/testcontainers_test.go. Start reading at TestWaitStrategies; nothing
// imports it.
package testcontainers
