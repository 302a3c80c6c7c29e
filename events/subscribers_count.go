package events

import "github.com/enginejobs/docker/engine"

func (e *Events) subscribersCountDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "subscribers_count", Summary: "Count those who follow the events.",
		Stdout: engine.JSONDocument, Handler: e.jobSubscribersCount,
	}
}

// jobSubscribersCount counts those who follow the events.
//
// Usage:  subscribers_count
// Stdout: {"count":N}
func (e *Events) jobSubscribersCount(job *engine.Job) error {
	return job.WriteJSON(map[string]int{"count": e.Subscribers()})
}
