// Package dockerversion owns the name of this build: its version and the commit
// it was made from. The linker fills both (see hack/make.sh); they are not
// changed at run time. There is nothing else to read here, and the package
// imports nothing, so that every binary of the project can have it.
package dockerversion

// Filled with -ldflags "-X .../dockerversion.Version=… ". A plain `go build`
// or `go test` keeps these.
var (
	Version   = "1.5.0-dev"
	GitCommit = "unknown"
	BuildTime = ""
)
