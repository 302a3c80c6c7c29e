package events

import "github.com/enginejobs/docker/engine"

func (e *Events) logDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "log", Summary: "Store an event and tell the subscribers.",
		Args: []engine.Arg{
			{Name: "ACTION", Summary: "what happened, as \"start\""},
			{Name: "ID", Summary: "what it happened to"},
			{Name: "FROM", Optional: true, Summary: "the image of a container; may be empty"},
		},
		Env: []engine.Key{
			{Name: "type", Default: TypeContainer, Summary: "container, image, network, volume or daemon"},
			{Name: "attributes", Type: engine.JSON, Summary: "object of strings"},
		},
		Changes: true, Handler: e.jobLog,
	}
}

type logOptions struct {
	action, id, from, typ string
	attributes            map[string]string
}

func decodeLog(job *engine.Job) (logOptions, error) {
	opt := logOptions{action: job.Args[0], id: job.Args[1], typ: job.Getenv("type")}
	if len(job.Args) > 2 {
		opt.from = job.Args[2]
	}
	return opt, job.GetenvJson("attributes", &opt.attributes)
}

// jobLog stores an event. It is in the journal when the job has ended.
//
// Usage:  log ACTION ID [FROM]
// Env:    type (container), attributes (JSON object of strings)
// Stdout: nothing
// Errors: InvalidArgument when the attributes are not strings.
func (e *Events) jobLog(job *engine.Job) error {
	opt, err := decodeLog(job)
	if err != nil {
		return err
	}
	if opt.typ == TypeContainer && opt.from != "" && opt.attributes["image"] == "" {
		if opt.attributes == nil {
			opt.attributes = map[string]string{}
		}
		opt.attributes["image"] = opt.from
	}
	e.Log(opt.typ, opt.action, opt.id, opt.attributes)
	return nil
}
