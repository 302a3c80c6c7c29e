package server

import (
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// start runs the job start. Below 1.24 its body may be a host configuration,
// bare or as the member HostConfig; an empty one leaves the stored one alone.
func start(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v >= v1(24) {
		// Seven bytes are what the clients of that time sent for "nothing".
		if x.r.ContentLength > 7 || x.r.ContentLength == -1 {
			return errdefs.InvalidArgument(
				"starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24")
		}
	} else {
		body, err := x.document()
		if err != nil {
			return err
		}
		host, err := decodeStart(x.v, body)
		if err != nil {
			return err
		}
		if host != nil {
			job.Setenv("HostConfig", string(host))
			if keep := keptAtStart(x.v); len(keep) > 0 {
				job.SetenvList("keep", keep)
			}
		}
	}
	if err := x.run(job); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// keptAtStart are the members of a stored host configuration that a new one leaves
// alone: those that were in Config, which a start does not touch.
func keptAtStart(v version) (names []string) {
	if v < v1(18) {
		names = append(names, "Memory", "MemorySwap", "CpuShares", "CpusetCpus")
	}
	if v < v1(10) {
		names = append(names, "Dns", "VolumesFrom", "Privileged")
	}
	return names
}
