package daemon

import (
	"slices"

	"github.com/enginejobs/docker/engine"
)

// Install puts the container jobs on the bus.
func (d *Daemon) Install(eng *engine.Engine) error { return eng.Declare(d.declarations()...) }

// declarations are the tables of the daemon's jobs: those that have more than one
// are beside their jobs.
func (d *Daemon) declarations() []engine.Declaration {
	return slices.Concat(
		d.containerDeclarations(),
		d.execDeclarations(),
		d.archiveDeclarations(),
		d.volumeDeclarations(),
		[]engine.Declaration{d.commitDeclaration(), d.containersPruneDeclaration(), d.systemDfDeclaration()},
		d.statsDeclarations(),
		d.updateDeclarations(),
	)
}

// containerDeclarations is the table of most jobs, by name. Waits is true also of
// stop and restart: nearly all of their time is what the caller gives the
// workload, and a kill must never stand in line behind them.
func (d *Daemon) containerDeclarations() []engine.Declaration {
	one := []engine.Arg{{Name: "CONTAINER", Summary: "id, unique beginning of it, or name"}}
	with := func(more ...engine.Arg) []engine.Arg { return append(one[:1:1], more...) }
	key := func(name string, t engine.Type, summary string) engine.Key {
		return engine.Key{Name: name, Type: t, Summary: summary}
	}
	stop := []engine.Key{
		key("signal", engine.String, "signal that asks for the end (default: the container's)"),
		key("t", engine.Int, "seconds until it is killed; -1 never (default: the container's, or 10)"),
	}
	return []engine.Declaration{
		{
			Name: "attach", Summary: "Connect to the streams of a container.", Args: one, Handler: d.jobAttach,
			Stdin: engine.Bytes, Stdout: engine.Multiplexed, Waits: true, Changes: true, // what is typed into a container changes it
			Env: []engine.Key{
				key("detachKeys", engine.String, "keys that leave a terminal (default ctrl-p,ctrl-q)"),
				key("headers", engine.Bool, "write no bytes once nothing will be missed"),
				key("logs", engine.Bool, "show what was logged so far"),
				key("stderr", engine.Bool, "pass standard error on"),
				key("stdin", engine.Bool, "pass the input on"),
				key("stdout", engine.Bool, "pass standard output on"),
				key("stream", engine.Bool, "stay connected"),
			},
		},
		{
			Name: "container_changes", Summary: "List what a container has changed of its image.", Args: one,
			Stdout: engine.JSONDocument, Handler: d.jobContainerChanges,
		},
		{
			Name: "container_exited", Summary: "Clean up after the end of a workload; only the daemon itself runs it.", Changes: true,
			Args: []engine.Arg{{Name: "CONTAINER", Summary: "full id"}}, Handler: d.jobContainerExited,
			Env: []engine.Key{
				key("at", engine.Time, "when it ended"),
				key("code", engine.Int, "exit status, or 128+signal"),
				key("oom", engine.Bool, "the kernel killed it for want of memory"),
			},
		},
		{
			Name: "container_inspect", Summary: "Describe a container.", Args: one,
			Stdout: engine.JSONDocument, Handler: d.jobContainerInspect,
			Env: []engine.Key{
				{Name: "exec-driver", Type: engine.Bool, Default: "1", Summary: "with ExecDriver"},
				{Name: "main-network", Type: engine.Bool, Default: "1", Summary: "with what NetworkSettings and Config repeat of one of the networks"},
				key("size", engine.Bool, "compute sizes"),
			},
		},
		{
			Name: "container_rename", Summary: "Give a container another name.", Changes: true,
			Args:    []engine.Arg{{Name: "OLD", Summary: "container"}, {Name: "NEW", Summary: "new name"}},
			Handler: d.jobContainerRename,
		},
		{
			Name: "containers", Summary: "List containers, newest first.", Stdout: engine.JSONDocument, Handler: d.jobContainers,
			Env: []engine.Key{
				key("all", engine.Bool, "also those that do not run"),
				key("before", engine.String, "only those made before this one"),
				key("filters", engine.JSON, "name of a filter to its values"),
				key("health", engine.Bool, "rows say how the health check ended"),
				key("limit", engine.Int, "at most so many"),
				key("since", engine.String, "only those made after this one"),
				key("size", engine.Bool, "compute sizes"),
			},
		},
		{
			Name: "create", Summary: "Make a container, and print its id.", Changes: true, Stdout: engine.JSONDocument, Handler: d.jobCreate,
			Args: []engine.Arg{{Name: "NAME", Optional: true, Summary: "made up when absent"}},
			Env: []engine.Key{
				{Name: "Config", Type: engine.JSON, Secret: true, Summary: "what to run; its Env is where people put passwords"},
				key("HostConfig", engine.JSON, "what the host lends"),
				key("NetworkingConfig", engine.JSON, "what is asked of networks"),
				key("DefaultCgroupnsMode", engine.String, "mode where HostConfig names none"),
				key("DefaultIpcMode", engine.String, "likewise"),
				key("Platform", engine.String, "os[/architecture]"),
				{Name: "hiddenEnv", Type: engine.List, Secret: true, Summary: "variables of the workload that nothing shows or writes down"},
				key("transient", engine.Bool, "it need not outlive this daemon; the next removes it"),
			},
		},
		{
			Name: "export", Summary: "Write the root file system of a container as an archive.", Args: one, Stdout: engine.Bytes,
			Handler: d.jobExport,
		},
		{
			Name: "info", Summary: "Describe the engine and its host.", Stdout: engine.JSONDocument, Handler: d.jobInfo,
		},
		{
			Name: "kill", Summary: "Send a signal to the workload of a container; KILL waits for its end.", Changes: true, Handler: d.jobKill,
			Args: with(engine.Arg{Name: "SIGNAL", Optional: true, Summary: "number or name (default KILL)"}),
		},
		{
			Name: "logs", Summary: "Show what a container has written.", Args: one, Stdout: engine.Multiplexed,
			Waits: true, Handler: d.jobLogs,
			Env: []engine.Key{
				key("details", engine.Bool, "accepted and ignored"),
				key("follow", engine.Bool, "go on until the container stops"),
				key("since", engine.String, "unix seconds, RFC 3339 or a duration"),
				key("stderr", engine.Bool, "show standard error"),
				key("stdout", engine.Bool, "show standard output"),
				key("tail", engine.String, "number of lines at the end, or all"),
				key("timestamps", engine.Bool, "show when each line was written"),
				key("until", engine.String, "as since"),
			},
		},
		{
			Name: "network_connect", Summary: "Put a container on one more network.", Changes: true, Handler: d.jobNetworkConnect,
			Args: []engine.Arg{{Name: "NETWORK", Summary: "name or id"}, {Name: "CONTAINER", Summary: "name or id"}},
			Env:  []engine.Key{key("EndpointConfig", engine.JSON, "what it asks of the network")},
		},
		{
			Name: "network_disconnect", Summary: "Take a container off a network.", Changes: true, Handler: d.jobNetworkDisconnect,
			Args: []engine.Arg{{Name: "NETWORK", Summary: "name or id"}, {Name: "CONTAINER", Summary: "name or id"}},
			Env:  []engine.Key{key("force", engine.Bool, "also where the interface cannot be taken away")},
		},
		{
			Name: "pause", Summary: "Freeze the processes of a container.", Args: one, Changes: true, Handler: d.jobPause,
		},
		{
			Name: "resize", Summary: "Set the size of a container's terminal.", Changes: true, Handler: d.jobResize,
			Args: with(engine.Arg{Name: "HEIGHT", Summary: "rows"}, engine.Arg{Name: "WIDTH", Summary: "columns"}),
		},
		{
			Name: "restart", Summary: "Stop a container if it runs, and start it.", Args: one, Changes: true,
			Waits: true, Env: stop, Handler: d.jobRestart,
		},
		{
			Name: "rm", Summary: "Remove a container, or a link to one.", Args: one, Changes: true, Handler: d.jobRm,
			Env: []engine.Key{
				key("forceRemove", engine.Bool, "kill it first"),
				key("removeLink", engine.Bool, "remove the link PARENT/ALIAS only"),
				key("removeVolume", engine.Bool, "remove its anonymous volumes too"),
			},
		},
		{
			Name: "start", Summary: "Run the workload of a container.", Args: one, Changes: true, Handler: d.jobStart,
			Env: []engine.Key{
				key("HostConfig", engine.JSON, "replaces the stored one"),
				key("keep", engine.List, "members of the stored one that stay when this one has none"),
				key("automatic", engine.Bool, "only if it waits for its next start by the restart policy"),
			},
		},
		{
			Name: "stop", Summary: "Ask the workload of a container to end, and kill it when its time is over.", Args: one, Changes: true, Env: stop,
			Waits: true, Handler: d.jobStop,
		},
		{
			Name: "top", Summary: "Show the processes of a container.", Stdout: engine.JSONDocument, Handler: d.jobTop,
			Args: with(engine.Arg{Name: "PS_ARGS", Optional: true, Summary: "arguments of ps (default -ef)"}),
		},
		{
			Name: "unpause", Summary: "Let the processes of a paused container go on.", Args: one, Changes: true,
			Handler: d.jobUnpause,
		},
		{
			Name: "wait", Summary: "Wait for the end of a container, and print its exit code.", Args: one, Stdout: engine.JSONDocument,
			Waits: true, Handler: d.jobWait,
			Env: []engine.Key{
				key("condition", engine.String, "not-running (default), next-exit or removed"),
				key("headers", engine.Bool, "write no bytes once the wait stands"),
			},
		},
	}
}
