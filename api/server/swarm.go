package server

import (
	"slices"
	"strconv"

	"github.com/enginejobs/docker/errdefs"
)

// The functions in this file answer for swarm, nodes, services, tasks, secrets and
// configs as a Docker engine does that is part of no swarm. No job does anything.

// noManager is what such an engine says to all but leave, init and join.
func noManager() error {
	return errdefs.Unavailable(`This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`)
}

// noSwarm answers what has no document. Filters are looked at all the same.
func noSwarm(x *exchange, _ *route) error {
	if err := x.checkFilters(); err != nil {
		return err
	}
	return noManager()
}

// noSwarmDocument answers what has one.
func noSwarmDocument(x *exchange, _ *route) error {
	if err := x.checkObject(); err != nil {
		return err
	}
	return noManager()
}

// noSwarmUpdate answers changes of a kind of object; these name the version that they
// are made of.
func noSwarmUpdate(kind string) reply {
	return custom(func(x *exchange, row *route) error {
		if given := x.value("version"); !isNumber(given) {
			return errdefs.InvalidArgument("invalid %s version '%s': want the number that an inspection shows", kind, cut(given, 80))
		}
		return noSwarmDocument(x, row)
	})
}

// noSwarmLogs answers readers of logs.
func noSwarmLogs(x *exchange, _ *route) error {
	if !truthy(x.value("stdout")) && !truthy(x.value("stderr")) {
		return errdefs.InvalidArgument("Bad parameters: you must choose at least one stream")
	}
	return noManager()
}

// swarmLeave serves POST /swarm/leave.
func swarmLeave(*exchange, *route) error {
	return errdefs.Unavailable("This node is not part of a swarm")
}

// swarmInit serves POST /swarm/init and /swarm/join.
func swarmInit(x *exchange, _ *route) error {
	if err := x.checkObject(); err != nil {
		return err
	}
	return errdefs.NotImplemented("this engine has no swarm mode: use it on each host, or with a manager of another kind")
}

// volumeUpdate serves PUT /volumes/{name}, which is for volumes of a cluster.
func volumeUpdate(x *exchange, _ *route) error {
	if given := x.value("version"); !isNumber(given) {
		return errdefs.InvalidArgument("invalid volume version '%s': want the number that an inspection shows", cut(given, 80))
	}
	if err := x.checkObject(); err != nil {
		return err
	}
	return errdefs.Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// checkObject reads the document of a request, which must be a JSON object.

func (x *exchange) checkObject() error {
	body, err := x.document()
	switch {
	case err != nil:
		return err
	case body == nil:
		return errdefs.InvalidArgument("invalid JSON: got EOF while reading request body")
	}
	var any struct{}
	return decodeJSON(body, &any)
}

// checkFilters looks whether filters can be read.
func (x *exchange) checkFilters(known ...string) error {
	text := x.value("filters")
	if text == "" {
		return nil
	}
	given, err := decodeFilters(text)
	if err != nil {
		return err
	}
	for name := range given {
		if len(known) > 0 && !slices.Contains(known, name) {
			return errdefs.InvalidArgument("invalid filter '%s'", name)
		}
	}
	return nil
}

// session serves POST /session and /grpc, by which BuildKit talks back to a client.
func session(x *exchange, _ *route) error {
	if x.r.Header.Get("Upgrade") == "" {
		return errdefs.InvalidArgument("no upgrade proto in request")
	}
	x.w.Header().Set("Connection", "close")
	return errdefs.NotImplemented("this engine has no sessions of BuildKit: build with DOCKER_BUILDKIT=0")
}

// noAttestations serves GET /images/{name}/attestations.
func noAttestations(*exchange, *route) error {
	return errdefs.NotImplemented("attestations of images are not kept by this engine's image store")
}
