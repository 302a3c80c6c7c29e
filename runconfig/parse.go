package runconfig

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// Parsed is a command line of run or create as documents.
type Parsed struct {
	Config     *Config
	HostConfig *HostConfig
	Networking *NetworkingConfig
	// Attached tells that the user named streams with -a.
	Attached bool
}

// NetworkingConfig is the third document of a create request: what the
// container asks of each network it joins.
type NetworkingConfig struct {
	EndpointsConfig map[string]*EndpointConfig
}

// EndpointConfig is the wish for one network.
type EndpointConfig struct {
	IPAMConfig *EndpointIPAM     `json:",omitempty"`
	Links      []string          `json:",omitempty"`
	Aliases    []string          `json:",omitempty"`
	MacAddress string            `json:",omitempty"`
	DriverOpts map[string]string `json:",omitempty"`
	GwPriority int               `json:",omitempty"`
}

// EndpointIPAM holds addresses that the user asked for.
type EndpointIPAM struct {
	IPv4Address  string   `json:",omitempty"`
	IPv6Address  string   `json:",omitempty"`
	LinkLocalIPs []string `json:",omitempty"`
}

// Lookup finds a variable of the client's environment, as os.LookupEnv.
type Lookup func(key string) (string, bool)

// Detach takes the streams away: nobody is attached at the start.
func (p *Parsed) Detach() {
	p.Config.AttachStdin, p.Config.AttachStdout, p.Config.AttachStderr = false, false, false
	p.Config.StdinOnce = false
}

// Parse makes the documents from the flags and from args, the words from IMAGE
// on. It reads the files that --env-file and --label-file name and nothing
// else.
func (f *Flags) Parse(args []string, env Lookup) (*Parsed, error) {
	if len(args) == 0 {
		return nil, errors.New("an image is missing")
	}
	if !f.noTrust {
		return nil, ErrContentTrust
	}
	if f.workdir != "" && !path.IsAbs(f.workdir) {
		return nil, errors.New("The working directory is invalid. It needs to be an absolute path.")
	}
	c := &Config{Image: args[0], Cmd: Strings(args[1:])}
	if len(c.Cmd) == 0 {
		c.Cmd = nil
	}
	h := &HostConfig{ContainerIDFile: f.CidFile}
	p := &Parsed{Config: c, HostConfig: h, Attached: len(f.attach) > 0}
	steps := []func(*Config, *HostConfig, Lookup) error{
		f.parseProcess, f.parseStreams, f.parseEnv, f.parseRestart, f.parseHealth,
		f.parseFiles, f.parseRights, f.parsePorts, f.parseNetwork, f.parseLimits,
	}
	for _, step := range steps {
		if err := step(c, h, env); err != nil {
			return nil, err
		}
	}
	p.Networking = f.networkingConfig()
	return p, nil
}

func (f *Flags) parseProcess(c *Config, h *HostConfig, _ Lookup) error {
	c.Hostname, c.Domainname, _ = strings.Cut(f.hostname, ".")
	if f.domainname != "" {
		c.Hostname, c.Domainname = f.hostname, f.domainname
	}
	c.User, c.WorkingDir, c.StopSignal = f.user, f.workdir, f.stopSignal
	if f.entrypoint != "" {
		c.Entrypoint = Strings{f.entrypoint}
	}
	if f.set.IsSet("--stop-timeout") {
		c.StopTimeout = &f.stopTimeout
	}
	if f.set.IsSet("--init") {
		h.Init = &f.initProcess
	}
	var err error
	if c.Labels, err = f.parseLabels(); err != nil {
		return err
	}
	if h.Annotations, err = keyValues(f.annotations, "annotation"); err != nil {
		return err
	}
	h.LogConfig.Type = f.logDriver
	if h.LogConfig.Config, err = keyValues(f.logOpt, "log option"); err != nil {
		return err
	}
	if f.logDriver == "none" && len(f.logOpt) > 0 {
		return errors.New("invalid logging opts for driver none")
	}
	return nil
}

func (f *Flags) parseStreams(c *Config, _ *HostConfig, _ Lookup) error {
	c.Tty, c.OpenStdin = f.tty, f.interactive
	for _, stream := range f.attach {
		switch stream {
		case "stdin":
			c.AttachStdin = true
		case "stdout":
			c.AttachStdout = true
		case "stderr":
			c.AttachStderr = true
		}
	}
	if len(f.attach) == 0 {
		c.AttachStdin, c.AttachStdout, c.AttachStderr = f.interactive, true, true
	}
	c.StdinOnce = c.OpenStdin && c.AttachStdin
	return nil
}

func (f *Flags) parseRestart(_ *Config, h *HostConfig, _ Lookup) error {
	var policy RestartPolicy
	if f.set.IsSet("--restart") { // else it is left to the engine
		var err error
		if policy, err = ParseRestartPolicy(f.restart); err != nil {
			return err
		}
	}
	h.RestartPolicy = policy
	h.AutoRemove = f.autoRemove
	if f.autoRemove && policy.Name != "" && policy.Name != "no" {
		return errors.New("Conflicting options: --restart and --rm")
	}
	return nil
}

// ParseRestartPolicy reads no, always, unless-stopped or on-failure[:N].
func ParseRestartPolicy(text string) (RestartPolicy, error) {
	if text == "" {
		return RestartPolicy{}, nil
	}
	name, count, hasCount := strings.Cut(text, ":")
	p := RestartPolicy{Name: name}
	switch name {
	case "no", "always", "unless-stopped":
		if hasCount {
			return p, fmt.Errorf("maximum restart count not valid with restart policy of %q", name)
		}
	case "on-failure":
		if !hasCount {
			break
		}
		n, err := strconv.Atoi(count)
		if err != nil {
			return p, err
		}
		if n < 0 {
			return p, fmt.Errorf("invalid restart policy %s: the count is negative", text)
		}
		p.MaximumRetryCount = n
	default:
		return p, fmt.Errorf("invalid restart policy %s", name)
	}
	return p, nil
}

func (f *Flags) parseHealth(c *Config, _ *HostConfig, _ Lookup) error {
	times := []struct{ flag, text string }{
		{"--health-interval", f.healthInterval}, {"--health-timeout", f.healthTimeout},
		{"--health-start-period", f.healthStartPeriod}, {"--health-start-interval", f.healthStartInterval},
	}
	check := &Healthcheck{Retries: f.healthRetries}
	into := []*time.Duration{&check.Interval, &check.Timeout, &check.StartPeriod, &check.StartInterval}
	wanted := f.healthCmd != "" || f.healthRetries != 0
	for i, t := range times {
		if t.text == "" {
			continue
		}
		d, err := time.ParseDuration(t.text)
		if err != nil || d < 0 {
			return fmt.Errorf("invalid duration %q for %s: write it as 1m30s", t.text, t.flag)
		}
		*into[i], wanted = d, true
	}
	switch {
	case f.noHealthcheck && wanted:
		return errors.New("--no-healthcheck conflicts with --health-* options")
	case f.healthRetries < 0:
		return errors.New("--health-retries cannot be negative")
	case f.noHealthcheck:
		c.Healthcheck = &Healthcheck{Test: []string{"NONE"}}
	case wanted:
		if f.healthCmd != "" {
			check.Test = []string{"CMD-SHELL", f.healthCmd}
		}
		c.Healthcheck = check
	}
	return nil
}

// ErrContentTrust is the answer to --disable-content-trust=false: to go on would
// be to promise a verification that nobody makes.
var ErrContentTrust = errors.New("--disable-content-trust=false is not supported: this client verifies no signatures of images")
