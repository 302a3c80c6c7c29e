// Package daemon owns the containers: what they are, in which state, on disk
// and in memory. Every container job of the bus is here, one file each.
//
// State it owns: <root>/containers/<id>/ (config.json, state.json,
// hosts, hostname, resolv.conf and the log), the names and links in
// graphdb, and the references to volumes. It lends and gives back what belongs
// to others: layers of the image store, processes of the exec driver, addresses
// and ports of the network jobs.
//
// Start reading at container.go (one container), state.go (its life), then
// start.go and monitor.go (how a life begins and ends). Reading (containers,
// container_inspect, logs…) never takes a lock: every change publishes a new
// immutable snapshot.
//
// It must not import graph, networkdriver, events, server or api/server: what
// it needs of them is an interface in deps.go or a job.
package daemon
