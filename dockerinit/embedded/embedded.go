// Package embedded carries the program dockerinit inside docker. It owns those
// bytes and decides nothing; start reading at Binary. A build with the tag
// embed_dockerinit takes them from the file dockerinit in this directory, which
// hack/make/build puts there; any other build carries none, and the native
// driver then looks for a file. Only the native driver's callers import it.
package embedded

// Binary returns the program, or nothing when this build carries none. The
// caller does not change it.
func Binary() []byte { return binary }
