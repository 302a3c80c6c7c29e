package client

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/clicontext"
)

// argument completes the word of a command after these.
func (cli *CLI) argument(ctx context.Context, cmd *Command, name string, args []string) []candidate {
	if cmd.Count.max >= 0 && len(args) >= cmd.Count.max {
		return nil
	}
	if cmd.Name != "" {
		name = cmd.Name
	}
	first := len(args) == 0
	var list []candidate
	switch name {
	case "attach", "exec", "kill", "pause", "port", "stop", "top":
		if !first && (name == "exec" || name == "top") {
			return []candidate{{completeFiles, ""}}
		}
		list = cli.containerNames(ctx, "running")
	case "unpause":
		list = cli.containerNames(ctx, "paused")
	case "start":
		list = cli.containerNames(ctx, "created", "exited")
	case "commit", "rename":
		if first {
			list = cli.containerNames(ctx)
		}
	case "diff", "export", "logs", "restart", "rm", "stats", "update", "wait", "container inspect":
		list = cli.containerNames(ctx)
	case "cp":
		list = append(cli.containerNames(ctx), candidate{completeFiles, ""})
		for i := range list[:len(list)-1] {
			list[i].word += ":"
		}
	case "run", "create":
		if !first {
			return []candidate{{completeFiles, ""}}
		}
		list = cli.imageNames(ctx)
	case "history", "images", "push", "rmi", "save", "tag", "image inspect", "image check", "pull":
		list = cli.imageNames(ctx)
	case "inspect":
		list = append(cli.containerNames(ctx), cli.imageNames(ctx)...)
	case "network connect", "network disconnect":
		if list = cli.containerNames(ctx); first {
			list = cli.networkNames(ctx)
		}
	case "network inspect", "network rm":
		list = cli.networkNames(ctx)
	case "volume inspect", "volume rm":
		list = cli.volumeNames(ctx)
	case "context export", "context inspect", "context rm", "context update", "context use":
		list = cli.contextNames()
	case "completion":
		list = words("bash", "zsh", "fish")
	case "build", "import", "context import":
		list = []candidate{{completeFiles, ""}}
	}
	return slices.DeleteFunc(list, func(c candidate) bool { return slices.Contains(args, c.word) })
}

// flagValue completes the value of a flag, which has these names.
func (cli *CLI) flagValue(ctx context.Context, names []string) []candidate {
	if len(names) == 0 {
		return nil
	}
	switch names[len(names)-1] {
	case "--network":
		return append(words("bridge", "host", "none"), cli.networkNames(ctx)...)
	case "--volumes-from", "--link":
		return cli.containerNames(ctx)
	case "--env-file", "--cidfile", "--label-file", "--file", "--output", "--input", "--iidfile", "--config",
		"--volume", "--tlscacert", "--tlscert", "--tlskey":
		return []candidate{{completeFiles, ""}}
	case "--context":
		return cli.contextNames()
	case "--cache-from":
		return cli.imageNames(ctx)
	case "--restart":
		return words("no", "on-failure", "always", "unless-stopped")
	case "--pull":
		return words("always", "missing", "never")
	case "--progress":
		return words("auto", "plain", "tty", "quiet")
	case "--log-driver":
		return words("json-file", "local", "none")
	case "--log-level":
		return words("debug", "info", "warn", "error", "fatal")
	case "--signal", "--stop-signal":
		return words("HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "STOP", "CONT", "WINCH")
	case "--format":
		return words("json", "table")
	case "--attach":
		return words("stdin", "stdout", "stderr")
	case "--platform":
		return words("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386")
	}
	return nil
}

func words(list ...string) []candidate {
	out := make([]candidate, len(list))
	for i, word := range list {
		out[i].word = word
	}
	return out
}

// ask reads a list from the daemon; whether there is one does not matter here.
func (cli *CLI) ask(ctx context.Context, path string, query url.Values, list any) {
	if cli.http != nil {
		_ = cli.http.getJSON(ctx, path, query, list)
	}
}

// containerNames are the names of those in one of the states, or of all.
func (cli *CLI) containerNames(ctx context.Context, states ...string) []candidate {
	var list []api.ContainerSummary
	query := url.Values{"all": {"1"}}
	if slices.Equal(states, []string{"running"}) {
		query = nil
	}
	cli.ask(ctx, "/containers/json", query, &list)
	var out []candidate
	for _, c := range list {
		if len(states) > 0 && c.State != "" && !slices.Contains(states, c.State) {
			continue
		}
		for _, name := range c.Names {
			if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") { // not the alias of a link
				out = append(out, candidate{name, c.Image})
			}
		}
	}
	return sorted(out)
}

// imageNames are their names with tags.
func (cli *CLI) imageNames(ctx context.Context) []candidate {
	var list []api.ImageSummary
	cli.ask(ctx, "/images/json", nil, &list)
	var out []candidate
	for _, i := range list {
		for _, tag := range i.RepoTags {
			if tag == "<none>:<none>" {
				continue
			}
			out = append(out, candidate{tag, shortID(i.Id)})
			if repo, ok := strings.CutSuffix(tag, ":latest"); ok {
				out = append(out, candidate{repo, shortID(i.Id)})
			}
		}
	}
	return sorted(out)
}

func (cli *CLI) networkNames(ctx context.Context) []candidate {
	var list []api.Network
	cli.ask(ctx, "/networks", nil, &list)
	var out []candidate
	for _, n := range list {
		out = append(out, candidate{n.Name, n.Driver})
	}
	return sorted(out)
}

func (cli *CLI) volumeNames(ctx context.Context) []candidate {
	var list api.VolumeList
	cli.ask(ctx, "/volumes", nil, &list)
	var out []candidate
	for _, v := range list.Volumes {
		out = append(out, candidate{v.Name, v.Driver})
	}
	return sorted(out)
}

func (cli *CLI) contextNames() []candidate {
	list, err := cli.contexts().List()
	if err != nil {
		return nil
	}
	out := words(clicontext.Default)
	for _, c := range list {
		out = append(out, candidate{c.Name, c.Description})
	}
	return sorted(out)
}

func sorted(list []candidate) []candidate {
	slices.SortFunc(list, func(a, b candidate) int { return strings.Compare(a.word, b.word) })
	return list
}
