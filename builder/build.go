package builder

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/reference"
)

func (b *Builder) buildDeclaration() engine.Declaration {
	key := func(name string, t engine.Type, summary string) engine.Key {
		return engine.Key{Name: name, Type: t, Summary: summary}
	}
	return engine.Declaration{
		Name: "build", Summary: "Build an image from a Dockerfile and a context.", Changes: true, Waits: true, // mostly for commands
		Stdin: engine.Bytes, Stdout: engine.Bytes, Handler: b.jobBuild,
		Env: []engine.Key{
			{Name: "authConfig", Type: engine.JSON, Secret: true, Summary: "who asks registries, an api.AuthConfig"},
			{Name: "buildargs", Type: engine.JSON, Secret: true, Summary: "values of ARG by name; null takes none"},
			key("cachefrom", engine.JSON, "images whose history counts as cache"),
			key("cgroupparent", engine.String, "of containers of RUN"),
			{Name: "configFile", Type: engine.JSON, Secret: true, Summary: "credentials by registry, in both shapes of X-Registry-Config"},
			key("cpuperiod", engine.Int, "of RUN, microseconds"),
			key("cpuquota", engine.Int, "of RUN, microseconds"),
			key("cpusetcpus", engine.String, "CPUs of RUN"),
			key("cpusetmems", engine.String, "memory nodes of RUN"),
			key("cpushares", engine.Int, "relative weight of RUN"),
			key("dockerfile", engine.String, "its name in the context (default Dockerfile)"),
			key("extrahosts", engine.List, "lines of the hosts file of RUN, host:ip"),
			key("forcerm", engine.Bool, "remove containers also of what failed"),
			key("isolation", engine.String, "default, or nothing"),
			key("json", engine.Bool, "messages as JSON objects instead of text"),
			key("labels", engine.JSON, "labels of the image"),
			key("memory", engine.Int, "limit of RUN, bytes"),
			key("memswap", engine.Int, "limit of memory and swap of RUN, bytes; -1 none"),
			key("networkmode", engine.String, "network of RUN"),
			key("nocache", engine.Bool, "run every step"),
			key("platform", engine.String, "os[/architecture[/variant]] of the image"),
			key("pull", engine.Bool, "ask registries for newer base images"),
			key("q", engine.Bool, "no output of commands"),
			key("idOnly", engine.Bool, "nothing but the id of the image, unless the build fails"),
			key("remote", engine.String, "URL of the context: git, an archive or a Dockerfile"),
			key("rm", engine.Bool, "remove containers of what succeeded"),
			{Name: "secrets", Type: engine.JSON, Secret: true, Summary: "base64 data by id, for RUN --mount=type=secret"},
			key("securityopt", engine.List, "security options of RUN"),
			key("shmsize", engine.Int, "of /dev/shm of RUN, bytes"),
			key("squash", engine.Bool, "one layer for all steps"),
			key("ssh", engine.JSON, "socket of an agent on this host by id, for RUN --mount=type=ssh"),
			key("stepStyle", engine.String, "how steps are counted: of (1/5), from1, from0"),
			key("t", engine.List, "names of the image"),
			key("target", engine.String, "stage to stop at"),
			key("ulimits", engine.JSON, "of RUN, a list of {Name,Soft,Hard}"),
		},
	}
}

// jobBuild builds an image.
//
//	Usage:  build
//	Env:    t, dockerfile, remote, target, platform: what to build, and its names
//	Env:    nocache, cachefrom, pull, squash: how; rm, forcerm: what stays
//	Env:    buildargs, labels, secrets, ssh, authConfig, configFile: what it is given
//	Env:    memory … ulimits: limits of the containers of RUN
//	Env:    json, q, stepStyle: form of the messages
//	Stdin:  the context, an archive, plain or compressed; or a Dockerfile. Not read
//	        with remote.
//	Stdout: messages
//	Errors: InvalidArgument (options, Dockerfile, context), NotFound (stage, image,
//	        file); with the exit code of a RUN that failed
//	Events: those of the containers of RUN; create and tag of the image
//	Phases: context, dockerfile, step N, squash, tag
func (b *Builder) jobBuild(job *engine.Job) error {
	opt, err := decodeBuild(job)
	if err != nil {
		return err
	}
	opt.phase = func(name string) { job.Phase(name) }
	return b.Build(job.Context(), opt, streams{in: job.Stdin, out: job.Stdout})
}

// Build builds an image and names it.
func (b *Builder) Build(ctx context.Context, opt buildOptions, io streams) error {
	names, err := parseNames(opt.Names)
	if err != nil {
		return err
	}
	if err := opt.check(); err != nil {
		return err
	}
	if opt.IDOnly {
		return b.buildQuietly(ctx, opt, names, io)
	}
	_, err = b.build(ctx, opt, names, io.in, newMessages(io.out, opt.JSON, opt.Steps))
	return cancelled(ctx, err)
}

// cancelled is the error of a build that was given up.
func cancelled(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errdefs.Unavailable("Build cancelled: %w", context.Cause(ctx))
	}
	return err
}

// buildQuietly tells only the id, or all when the build fails.
func (b *Builder) buildQuietly(ctx context.Context, opt buildOptions, names []reference.Ref, io streams) error {
	dir, err := b.scratch()
	if err != nil {
		return err
	}
	held := &holdback{to: io.out, dir: dir}
	defer held.drop()
	id, err := b.build(ctx, opt, names, io.in, newMessages(held, opt.JSON, opt.Steps))
	if err != nil {
		return errors.Join(held.open(), cancelled(ctx, err))
	}
	newMessages(io.out, opt.JSON, opt.Steps).text(id + "\n")
	return nil
}

func (b *Builder) build(ctx context.Context, opt buildOptions, names []reference.Ref, in io.Reader, out *messages) (string, error) {
	given, err := b.openContext(ctx, opt, in, out)
	if err != nil {
		return "", err
	}
	defer given.close(b.opt.Logf)
	opt.phase("context")
	file, err := dockerfile.Parse(given.dockerfile, dockerfile.Options{Name: given.name, Classic: opt.Steps != stepsOf})
	if err != nil {
		return "", err
	}
	graph, err := file.Resolve(dockerfile.ResolveOptions{
		Target: opt.Target, BuildArgs: opt.BuildArgs, Labels: opt.Labels, Platform: opt.Platform, Triggers: b.onBuild,
	})
	if err != nil {
		return "", err
	}
	for _, w := range file.Warnings {
		out.warn(w)
	}
	opt.phase("dockerfile")
	x := &building{b: b, opt: opt, out: out, file: file, graph: graph, context: given.tree, held: newHolds(b.opt.Images)}
	defer x.held.releaseAll()
	id, err := x.run(ctx)
	if err != nil {
		return "", err
	}
	return b.finish(ctx, opt, x, id, names, out)
}

// onBuild lists the triggers of an image that is here.
func (b *Builder) onBuild(name string) []string {
	img, err := b.opt.Images.Image(name)
	if err != nil || img.Config == nil {
		return nil
	}
	return img.Config.OnBuild
}

// finish squashes and names the image and tells its id.
func (b *Builder) finish(ctx context.Context, opt buildOptions, x *building, id string, names []reference.Ref, out *messages) (string, error) {
	if opt.Squash {
		var err error
		if id, err = x.squash(ctx, id); err != nil {
			return "", err
		}
		opt.phase("squash")
	}
	if unused := x.unusedArgs(); len(unused) > 0 {
		out.line("[Warning] One or more build-args [%s] were not consumed", strings.Join(unused, " "))
	}
	if err := out.built(id); err != nil {
		return "", err
	}
	b.event(ctx, "image", "create", id, map[string]string{"name": id})
	for _, name := range names {
		tag := b.job(ctx, "tag", id, name.Name(), name.Tag)
		tag.SetenvBool("force", true)
		if err := tag.Run(); err != nil {
			return "", err
		}
		if opt.Steps == stepsOf {
			out.text("Successfully tagged " + name.FamiliarString() + "\n")
		}
	}
	opt.phase("tag")
	return id, nil
}

// parseNames reads the names of the new image before anything is done.
func parseNames(list []string) ([]reference.Ref, error) {
	var names []reference.Ref
	seen := map[string]bool{}
	for _, text := range list {
		if text == "" {
			continue
		}
		name, err := reference.Parse(text)
		if err != nil {
			return nil, errdefs.InvalidArgument("invalid reference format: %q cannot be the name of an image: %w", text, err)
		}
		if name.Digest != "" {
			return nil, errdefs.InvalidArgument("invalid reference format: %q has a digest; the name of a new image cannot", text)
		}
		if name.Tag == "" {
			name.Tag = "latest"
		}
		if key := name.String(); !seen[key] {
			seen[key] = true
			names = append(names, name)
		}
	}
	return names, nil
}
