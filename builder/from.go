package builder

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/runconfig"
)

// defaultPath is what commands of an image without PATH are looked for in.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// from begins a stage: on nothing, on the end of another stage, or on an image,
// whose build triggers are the first steps.
func (s *stage) from(ctx context.Context) ([]dockerfile.Step, error) {
	cfg := &runconfig.Config{}
	switch n := s.node; {
	case n.Parent != nil:
		r, err := s.x.wait(ctx, n.Parent)
		if err != nil {
			return nil, err
		}
		*cfg = *r.config
		s.image = r.image
	case n.Stage.Base == "scratch" || n.Base == "":
	default:
		img, err := s.x.baseImage(ctx, n.Base, n.Platform, s.out)
		if err != nil {
			return nil, err
		}
		if img.Config != nil {
			*cfg = *img.Config
		}
		s.image = img.ID
		s.x.held.add(img.ID)
	}
	cfg.OpenStdin, cfg.StdinOnce, cfg.AttachStdin, cfg.AttachStdout, cfg.AttachStderr, cfg.Tty = false, false, false, false, false, false
	cfg.Hostname, cfg.Domainname, cfg.Image = "", "", s.image
	if !slices.ContainsFunc(cfg.Env, func(e string) bool { return strings.HasPrefix(e, "PATH=") }) {
		cfg.Env = append(slices.Clone(cfg.Env), defaultPath)
	}
	s.stand.Config = cfg
	return s.triggers()
}

// triggers are what ONBUILD of the base has noted; they are used up by this.
func (s *stage) triggers() ([]dockerfile.Step, error) {
	list := s.stand.Config.OnBuild
	if len(list) == 0 {
		return nil, nil
	}
	s.stand.Config.OnBuild = nil
	many := ""
	if len(list) > 1 {
		many = "s"
	}
	if s.x.opt.Steps == stepsOf {
		s.out.line("# Executing %d build trigger%s", len(list), many)
	} else {
		s.out.text(red("# Executing " + itoa(len(list)) + " build triggers\n"))
	}
	var steps []dockerfile.Step
	for i, text := range list {
		step, err := dockerfile.Trigger(text, s.x.file.Escape)
		if err != nil {
			return nil, err
		}
		step.Line = s.node.Line
		if s.x.opt.Steps != stepsOf {
			s.out.line("Trigger %d, %s", i, text)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// baseImage finds an image, or pulls it: when it is missing, for another platform,
// or when the newest one is wanted.
func (x *building) baseImage(ctx context.Context, name, platform string, out *messages) (*image.Image, error) {
	img, err := x.b.opt.Images.Image(name)
	switch {
	case err == nil && (isID(img, name) || !x.opt.Pull && matchesPlatform(img, platform)):
		return img, nil
	case err != nil && !errdefs.IsNotFound(err) && !errdefs.Is(err, errdefs.KindInvalidArgument):
		return nil, err // another one means that several ids begin like this: it is a name, then
	}
	if err := x.pull(ctx, name, platform, out); err != nil {
		return nil, err
	}
	return x.b.opt.Images.Image(name)
}

// isID tells whether an image was named by its id, which no registry knows.
func isID(img *image.Image, name string) bool {
	hex := strings.TrimPrefix(name, "sha256:")
	return len(hex) >= 12 && image.IsHex(hex) && strings.HasPrefix(strings.TrimPrefix(img.ID, "sha256:"), hex)
}

// matchesPlatform compares what is given of os/architecture/variant.
func matchesPlatform(img *image.Image, platform string) bool {
	want := strings.Split(platform, "/")
	for i, have := range []string{img.OS, img.Architecture, img.Variant} {
		if i < len(want) && want[i] != "" && !strings.EqualFold(want[i], have) {
			return false
		}
	}
	return true
}

// pull brings an image; its progress is told with the stage's.
func (x *building) pull(ctx context.Context, name, platform string, out *messages) error {
	ref, err := reference.Parse(name)
	if err != nil {
		return errdefs.InvalidArgument("invalid reference format: %q is no image: %w", name, err)
	}
	ref = ref.WithDefaultTag()
	tag := ref.Tag
	if ref.Digest != "" {
		tag = ref.Digest
	}
	job := x.b.job(ctx, "pull", ref.Name(), tag)
	job.SetenvBool("json", out.json)
	job.SetenvBool("parallel", true)
	if platform != "" {
		job.Setenv("platform", platform)
	}
	if auth := x.credentials(ref); auth != nil {
		job.Setenv("authConfig", string(auth))
	}
	job.Stdout.Add(keepOpen{out.out})
	return job.Run()
}

// keepOpen hides Close: the stream is the build's.
type keepOpen struct{ io.Writer }

// credentials finds what to say to the registry of an image: in the configuration,
// in either of its two shapes, or what was given for all.
func (x *building) credentials(ref reference.Ref) json.RawMessage {
	list := map[string]json.RawMessage{}
	if len(x.opt.Auths) > 0 {
		var wrapped struct {
			Configs map[string]json.RawMessage `json:"configs"`
		}
		if json.Unmarshal(x.opt.Auths, &wrapped) == nil && len(wrapped.Configs) > 0 {
			list = wrapped.Configs
		} else if err := json.Unmarshal(x.opt.Auths, &list); err != nil {
			list = nil
		}
	}
	for key, auth := range list {
		if registryHost(key) == registryHost(ref.Domain) {
			return auth
		}
	}
	if len(x.opt.Auth) > 0 && string(x.opt.Auth) != "null" {
		return x.opt.Auth
	}
	return nil
}

// registryHost is the name of a registry in the ways in which credentials are
// filed: by URL, with a path, and several for Docker's own.
func registryHost(key string) string {
	_, rest, ok := strings.Cut(key, "://")
	if !ok {
		rest = key
	}
	host, _, _ := strings.Cut(rest, "/")
	switch host {
	case "", "index.docker.io", "registry-1.docker.io":
		return "docker.io"
	}
	return host
}
