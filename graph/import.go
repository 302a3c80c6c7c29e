//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/runconfig"
)

func (s *Store) importDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "import", Summary: "Make an image of one layer from an archive.",
		Args: []engine.Arg{
			{Name: "SRC", Secret: true, Summary: "\"-\" for stdin, else a URL, which may hold a password; http is assumed"},
			{Name: "REPO", Optional: true, Summary: "name of the image, with or without tag; may be empty"},
			{Name: "TAG", Optional: true, Summary: "tag, \"latest\" by default"},
		},
		Env: []engine.Key{
			{Name: "json", Type: engine.Bool, Summary: "progress as JSON objects instead of text"},
			{Name: "changes", Type: engine.List, Secret: true, Summary: "Dockerfile instructions applied to the configuration"},
			{Name: "message", Summary: "comment of the image"},
			{Name: "platform", Summary: "os/architecture[/variant] of the image"},
		},
		Stdin: engine.Bytes, Stdout: engine.Bytes, Changes: true, Handler: s.jobImport,
	}
}

type importOptions struct {
	source   string
	name     reference.Ref // zero for none
	json     bool
	changes  []string
	message  string
	platform string
}

func decodeImport(job *engine.Job) (importOptions, error) {
	opt := importOptions{
		source: job.Args[0], json: job.GetenvBool("json"), changes: job.GetenvList("changes"),
		message: job.Getenv("message"), platform: job.Getenv("platform"),
	}
	repo, tag := "", ""
	if len(job.Args) > 1 {
		repo = job.Args[1]
	}
	if len(job.Args) > 2 {
		tag = job.Args[2]
	}
	if repo == "" {
		return opt, nil
	}
	var err error
	opt.name, err = parseName(repo, tag)
	return opt, err
}

// jobImport
//
//	Usage:  import SRC [REPO [TAG]]
//	Env:    json, changes, message, platform
//	Stdin:  with SRC "-" an archive, plain or compressed by gzip, bzip2, xz or zstd
//	Stdout: progress; the last status is the id of the image. Nothing is written
//	        before stdin has been read.
//	Errors: InvalidArgument (name, change, URL, archive), Unavailable (the server
//	        of the URL).
//	Events: tag, import
//
// A name that exists moves to the new image. An import that fails or is
// cancelled leaves nothing.
func (s *Store) jobImport(job *engine.Job) error {
	opt, err := decodeImport(job)
	if err != nil {
		return err
	}
	out := jsonstream.NewWriter(job.Stdout, opt.json)
	img, err := s.Import(job.Context(), opt, job.Stdin, out)
	if err != nil {
		return err
	}
	return out.Status("", "%s", img.ID)
}

// Import makes an image from an archive.
func (s *Store) Import(ctx context.Context, opt importOptions, stdin io.Reader, out *jsonstream.Writer) (*image.Image, error) {
	doc, err := s.importDocument(opt)
	if err != nil {
		return nil, err
	}
	source := stdin
	if opt.source != "-" {
		body, err := fetch(ctx, opt.source, out)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		source = body
	}
	img, err := s.keepImport(ctx, doc, source, opt.name)
	if err != nil {
		return nil, fmt.Errorf("importing %s: %w", shown(opt.source), err)
	}
	if !opt.name.IsZero() {
		s.event(ctx, "tag", img.ID, map[string]string{"name": opt.name.FamiliarString()})
	}
	s.event(ctx, "import", img.ID, map[string]string{"name": img.ID})
	return img, nil
}

// keepImport makes layer, document and name visible, in this order.
func (s *Store) keepImport(ctx context.Context, doc image.Document, source io.Reader, name reference.Ref) (*image.Image, error) {
	held, err := s.bringLayers(ctx, []layerSource{{open: func(context.Context, func(layerState)) (io.ReadCloser, error) {
		return io.NopCloser(source), nil
	}}})
	if err != nil {
		return nil, err
	}
	defer held.release()
	doc.RootFS = image.RootFS{Type: "layers", DiffIDs: held.diffIDs}
	img, err := image.New(doc)
	if err != nil {
		return nil, err
	}
	if name.IsZero() {
		return s.keepDocument(ctx, held, img.Raw, "")
	}
	return s.keepDocument(ctx, held, img.Raw, "", name)
}

// importDocument is the document without its layer.
func (s *Store) importDocument(opt importOptions) (image.Document, error) {
	now := s.now().UTC()
	doc := image.Document{
		Architecture: runtime.GOARCH, OS: runtime.GOOS, Created: &now, Comment: opt.message,
		DockerVersion: s.version, Config: &runconfig.Config{},
	}
	if doc.Comment == "" {
		doc.Comment = "Imported from " + shown(opt.source)
	}
	if opt.platform != "" {
		parts := strings.Split(opt.platform, "/")
		if len(parts) > 3 || parts[0] != "linux" || len(parts) > 1 && parts[1] == "" {
			return doc, errdefs.InvalidArgument("invalid platform %q: this engine takes linux/ARCHITECTURE[/VARIANT]", opt.platform)
		}
		if len(parts) > 1 {
			doc.Architecture = parts[1]
		}
		if len(parts) > 2 {
			doc.Variant = parts[2]
		}
	}
	doc.History = []image.History{{Created: &now, Comment: doc.Comment}}
	return doc, dockerfile.Changes(doc.Config, opt.changes)
}

// parseSource reads the URL of an archive. Its errors do not quote it.
func parseSource(source string) (*url.URL, error) {
	if !strings.Contains(source, "://") {
		source = "http://" + source
	}
	u, err := url.Parse(source)
	var parse *url.Error
	if errors.As(err, &parse) {
		err = parse.Err
	}
	return u, err
}

// shown is a source without the password that a URL may hold.
func shown(source string) string {
	u, err := parseSource(source)
	switch {
	case source == "-":
		return source
	case err != nil:
		return "the source"
	}
	if _, secret := u.User.Password(); secret {
		return u.Redacted()
	}
	return source
}

// fetch opens a URL and reports progress while it is read.
func fetch(ctx context.Context, source string, out *jsonstream.Writer) (io.ReadCloser, error) {
	u, err := parseSource(source)
	if err != nil {
		return nil, errdefs.InvalidArgument("invalid source of an import: it has to be - or an http or https URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errdefs.InvalidArgument("invalid source of an import %q: it has to be - or an http or https URL", u.Redacted())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errdefs.InvalidArgument("invalid source of an import: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errdefs.Unavailable("fetching the archive: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, errdefs.Unavailable("fetching %s: the server answers %s", u.Redacted(), resp.Status)
	}
	if err := out.Status("", "Downloading from %s", u.Redacted()); err != nil {
		resp.Body.Close()
		return nil, err
	}
	progress := out.NewReader(resp.Body, resp.ContentLength, "", "Importing")
	return struct {
		io.Reader
		io.Closer
	}{progress, resp.Body}, nil
}
