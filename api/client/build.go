package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/docker/go-units"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

type buildOptions struct {
	tags, buildArgs, labels, cacheFrom, hosts, securityOpts, ulimits, secrets, ssh    []string
	dockerfile, target, platform, network, isolation, cgroupParent, iidFile, progress string
	cpus, mems, memory, memorySwap, shmSize                                           string
	cpuShares, cpuPeriod, cpuQuota                                                    int64
	quiet, noCache, remove, forceRemove, pull, squash, compress, untrusted            bool
}

func newBuild(cli *CLI, flags *mflag.Set) runFunc {
	o := &buildOptions{remove: true, network: "default"}
	flags.List(&o.tags, "-t --tag", "Name of the image, NAME[:TAG] (several)", nil)
	flags.String(&o.dockerfile, "-f --file", "Dockerfile (PATH/Dockerfile); - is STDIN")
	flags.Bool(&o.quiet, "-q --quiet", "Print nothing but the id of the image")
	flags.Bool(&o.noCache, "~-no-cache --no-cache", "Do not use what earlier builds have made")
	flags.Bool(&o.remove, "~-rm --rm", "Remove containers of successful builds")
	flags.Bool(&o.forceRemove, "--force-rm", "Always remove intermediate containers")
	flags.Bool(&o.pull, "--pull", "Always ask for newer base images")
	flags.List(&o.buildArgs, "--build-arg", "Set a variable of the build, NAME[=VALUE]", nil)
	flags.List(&o.labels, "--label", "Set a label of the image, NAME=VALUE", nil)
	flags.List(&o.cacheFrom, "--cache-from", "Image whose history counts as cache", nil)
	flags.String(&o.target, "--target", "Stage of the Dockerfile to stop at")
	flags.String(&o.platform, "--platform", "Platform: os[/architecture[/variant]]")
	flags.String(&o.network, "--network", "Network of RUN instructions")
	flags.List(&o.hosts, "--add-host", "Add a line to /etc/hosts of RUN, HOST:IP", nil)
	flags.Bool(&o.squash, "--squash", "Make one layer of all new ones")
	flags.List(&o.secrets, "--secret", "Secret: id=ID[,src=FILE|,env=VARIABLE]", nil)
	flags.List(&o.ssh, "--ssh", "Agent on the engine's host: ID[=SOCKET]", nil)
	flags.String(&o.iidFile, "--iidfile", "Write the id of the image to the file")
	flags.Bool(&o.compress, "--compress", "Compress the build context with gzip")
	flags.String(&o.progress, "--progress", "Output: auto, plain, tty or quiet")
	declareTrust(flags, &o.untrusted)
	o.declareLimits(flags)
	return func(ctx context.Context, args []string) error { return cli.build(ctx, o, args[0]) }
}

// declareLimits are the flags of the containers of RUN.
func (o *buildOptions) declareLimits(flags *mflag.Set) {
	flags.String(&o.memory, "-m --memory", "Memory limit of RUN instructions (b, k, m, g)")
	flags.String(&o.memorySwap, "--memory-swap", "Limit of memory and swap; -1 is unlimited swap")
	flags.Int64(&o.cpuShares, "-c --cpu-shares", "CPU shares (relative weight)")
	flags.Int64(&o.cpuPeriod, "--cpu-period", "CPU CFS period, in microseconds")
	flags.Int64(&o.cpuQuota, "--cpu-quota", "CPU CFS quota, in microseconds")
	flags.String(&o.cpus, "--cpuset-cpus", "CPUs to run on (0-3, 0,1)")
	flags.String(&o.mems, "--cpuset-mems", "Memory nodes to use (0-3, 0,1)")
	flags.String(&o.shmSize, "--shm-size", "Size of /dev/shm")
	flags.String(&o.cgroupParent, "--cgroup-parent", "Parent cgroup")
	flags.List(&o.ulimits, "--ulimit", "Limit, TYPE=SOFT[:HARD]", nil)
	flags.List(&o.securityOpts, "--security-opt", "Security option", nil)
	flags.String(&o.isolation, "--isolation", "Isolation of the containers: default")
}

// build sends the context and shows what comes of it.
func (cli *CLI) build(ctx context.Context, o *buildOptions, from string) error {
	if err := checkTrust(o.untrusted); err != nil {
		return err
	}
	switch o.progress {
	case "", "auto", "plain", "tty": // what comes is lines, everywhere
	case "quiet":
		o.quiet = true
	default:
		return errdefs.InvalidArgument("invalid --progress %q: it is auto, plain, tty or quiet", o.progress)
	}
	o.buildArgs = cli.withProxies(o.buildArgs)
	query, err := o.query(cli.env)
	if err != nil {
		return err
	}
	header, err := cli.buildHeader(ctx, o)
	if err != nil {
		return err
	}
	given, err := cli.buildContext(ctx, o, from)
	if err != nil {
		return err
	}
	defer given.close()
	setText(query, "remote", given.remote)
	setText(query, "dockerfile", given.dockerfile)
	r := request{method: http.MethodPost, path: "/build", query: query, header: header, stream: strings.NewReader(""), streamType: "application/x-tar"}
	if given.archive != nil {
		r.stream = given.archive
		if !o.quiet {
			r.stream = cli.uploading(given.archive)
		}
	}
	id, err := cli.showBuild(ctx, r, o.quiet)
	if err != nil {
		if reason := given.failed(); reason != nil { // why the daemon got no whole archive
			return reason
		}
		return err
	}
	if o.iidFile == "" {
		return nil
	}
	if id == "" {
		return errdefs.Unavailable("the daemon answered without the id of the image: %s was not written", o.iidFile)
	}
	return os.WriteFile(o.iidFile, []byte(id), 0o666) //nolint:gosec // for others to read
}

// showBuild makes the request and shows its messages; the id is that of the image.
// Quietly it shows nothing but the id, or all when the build fails.
func (cli *CLI) showBuild(ctx context.Context, r request, quiet bool) (id string, err error) {
	resp, err := cli.http.do(ctx, r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	out, held := cli.Out, &heldOutput{}
	_, terminal := terminalOf(out)
	if quiet {
		out, terminal = held, false
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != "application/json" { // of daemons before 1.8
		_, err = io.Copy(out, resp.Body)
		return "", err
	}
	show := newRenderer(out, terminal, cli.now)
	show.aux = func(raw json.RawMessage) {
		var result struct{ ID string }
		if json.Unmarshal(raw, &result) == nil && result.ID != "" {
			id = result.ID
		}
	}
	show.line = func(text string) {
		if text = strings.TrimSpace(text); quiet && strings.HasPrefix(text, "sha256:") {
			id = text
		}
	}
	err = show.show(resp.Body)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		held.print(cli.Err)
		return "", err
	case quiet && id != "":
		fmt.Fprintln(cli.Out, id)
	}
	return id, nil
}

// maxHeld is how many bytes of output a quiet build keeps for its failure.
const maxHeld = 1 << 20

// heldOutput keeps the end of an output.
type heldOutput struct {
	text []byte
	lost bool
}

// Write keeps p.
func (h *heldOutput) Write(p []byte) (int, error) {
	h.text = append(h.text, p...)
	if len(h.text) > 2*maxHeld {
		h.text, h.lost = append(h.text[:0], h.text[len(h.text)-maxHeld:]...), true
	}
	return len(p), nil
}

func (h *heldOutput) print(w io.Writer) {
	if h.lost {
		fmt.Fprintln(w, "[...]")
	}
	_, _ = w.Write(h.text) // the error that follows is what counts
}

// query are the parameters of a build.
func (o *buildOptions) query(env Env) (url.Values, error) {
	q := url.Values{"rm": {"0"}}
	for name, set := range map[string]bool{"q": o.quiet, "nocache": o.noCache, "rm": o.remove, "forcerm": o.forceRemove, "pull": o.pull, "squash": o.squash} {
		if set {
			q.Set(name, "1")
		}
	}
	for name, text := range map[string]string{
		"target": o.target, "platform": o.platform, "networkmode": o.network, "isolation": o.isolation, "cgroupparent": o.cgroupParent,
		"cpusetcpus": o.cpus, "cpusetmems": o.mems,
	} {
		setText(q, name, text)
	}
	for name, n := range map[string]int64{"cpushares": o.cpuShares, "cpuperiod": o.cpuPeriod, "cpuquota": o.cpuQuota} {
		if n != 0 {
			q.Set(name, fmt.Sprint(n))
		}
	}
	for name, list := range map[string][]string{"t": o.tags, "extrahosts": o.hosts, "securityopt": o.securityOpts} {
		if len(list) > 0 {
			q[name] = list
		}
	}
	if err := o.sizes(q); err != nil {
		return nil, err
	}
	return q, o.documents(q, env)
}

// sizes are the parameters that people write with a unit.
func (o *buildOptions) sizes(q url.Values) error {
	for name, text := range map[string]string{"memory": o.memory, "memswap": o.memorySwap, "shmsize": o.shmSize} {
		if text == "" {
			continue
		}
		if text == "-1" && name == "memswap" {
			q.Set(name, text)
			continue
		}
		n, err := units.RAMInBytes(text)
		if err != nil {
			return errdefs.InvalidArgument("invalid size %q: %w", text, err)
		}
		q.Set(name, fmt.Sprint(n))
	}
	return nil
}

// documents are the parameters that are JSON.
func (o *buildOptions) documents(q url.Values, env Env) error {
	set := func(name string, v any) error {
		text, err := json.Marshal(v)
		q.Set(name, string(text))
		return err
	}
	if len(o.buildArgs) > 0 {
		args := make(map[string]*string, len(o.buildArgs))
		for _, a := range o.buildArgs {
			name, value, ok := strings.Cut(a, "=")
			if !ok {
				if value, ok = env(name); !ok {
					args[name] = nil
					continue
				}
			}
			args[name] = &value
		}
		if err := set("buildargs", args); err != nil {
			return err
		}
	}
	if len(o.labels) > 0 {
		labels := make(map[string]string, len(o.labels))
		for _, l := range o.labels {
			name, value, _ := strings.Cut(l, "=")
			labels[name] = value
		}
		if err := set("labels", labels); err != nil {
			return err
		}
	}
	if len(o.cacheFrom) > 0 {
		if err := set("cachefrom", o.cacheFrom); err != nil {
			return err
		}
	}
	if len(o.ulimits) == 0 {
		return nil
	}
	var limits []*units.Ulimit
	for _, text := range o.ulimits {
		u, err := units.ParseUlimit(text)
		if err != nil {
			return errdefs.InvalidArgument("invalid ulimit %q: %w", text, err)
		}
		limits = append(limits, u)
	}
	return set("ulimits", limits)
}

// maxBuildSecret is how many bytes a secret may have.
const maxBuildSecret = 500 << 10

// buildHeader has the credentials for all registries, and what is lent to the build.
func (cli *CLI) buildHeader(ctx context.Context, o *buildOptions) (http.Header, error) {
	file, err := cli.configFile()
	if err != nil {
		return nil, err
	}
	all, err := file.All(ctx)
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	auths := make(map[string]api.AuthConfig, len(all))
	for name, a := range all {
		auths[name] = api.AuthConfig{
			Username: a.Username, Password: a.Password, Email: a.Email, IdentityToken: a.IdentityToken, ServerAddress: a.Server,
		}
	}
	if len(auths) > 0 {
		if err := setHeader(h, "X-Registry-Config", auths); err != nil {
			return nil, err
		}
	}
	if len(o.secrets) > 0 {
		secrets, err := readSecrets(o.secrets, cli.env)
		if err != nil {
			return nil, err
		}
		if err := setHeader(h, "X-Build-Secrets", secrets); err != nil {
			return nil, err
		}
	}
	if len(o.ssh) == 0 {
		return h, nil
	}
	agents := map[string]string{}
	for _, text := range o.ssh {
		id, socket, ok := strings.Cut(text, "=")
		if !ok {
			socket = cli.env.get("SSH_AUTH_SOCK")
		}
		if socket == "" {
			return nil, errdefs.InvalidArgument("invalid --ssh %s: there is no agent: SSH_AUTH_SOCK is not set", text)
		}
		agents[id] = socket
	}
	return h, setHeader(h, "X-Build-Ssh", agents)
}

func setHeader(h http.Header, name string, v any) error {
	text, err := json.Marshal(v)
	h.Set(name, base64.URLEncoding.EncodeToString(text))
	return err
}

// readSecrets reads id=ID,src=FILE or id=ID,env=VARIABLE; without both it is the
// variable or the file of this name.
func readSecrets(list []string, env Env) (map[string][]byte, error) {
	secrets := map[string][]byte{}
	for _, text := range list {
		values := map[string]string{}
		for _, field := range strings.Split(text, ",") {
			k, v, ok := strings.Cut(field, "=")
			if !ok {
				return nil, errdefs.InvalidArgument("invalid --secret %q: %q is not KEY=VALUE", text, field)
			}
			values[strings.ToLower(strings.TrimSpace(k))] = v
		}
		id := values["id"]
		source := values["src"] + values["source"]
		if id == "" {
			if id = source; id == "" {
				return nil, errdefs.InvalidArgument("invalid --secret %q: it has no id", text)
			}
		}
		variable := values["env"]
		if source == "" && variable == "" {
			if _, ok := env(id); ok {
				variable = id
			} else {
				source = id
			}
		}
		if variable != "" {
			value, ok := env(variable)
			if !ok {
				return nil, errdefs.NotFound("invalid --secret %q: the variable %s is not set", text, variable)
			}
			secrets[id] = []byte(value)
			continue
		}
		data, err := readSecret(source)
		if err != nil {
			return nil, err
		}
		secrets[id] = data
	}
	return secrets, nil
}

func readSecret(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a secret: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBuildSecret+1))
	if err != nil {
		return nil, fmt.Errorf("reading a secret: %w", err)
	}
	if len(data) > maxBuildSecret {
		return nil, errdefs.InvalidArgument("invalid secret %s: it has more than %d bytes", name, maxBuildSecret)
	}
	return data, nil
}
