package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/layer"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
)

// copy is COPY.
func (s *stage) copy(ctx context.Context, c *instructions.CopyCommand) error {
	req := layer.Request{
		Instruction: "COPY", Dest: c.DestPath, Chown: c.Chown, Chmod: c.Chmod, Parents: c.Parents, Link: c.Link, Exclude: c.ExcludePatterns,
		Keep: c.From != "",
	}
	var tree source.Tree = s.x.context
	if c.From != "" {
		v, err := s.sourceView(ctx, c.From)
		if err != nil {
			return err
		}
		tree = v.tree
	}
	for _, p := range c.SourcePaths {
		list, err := s.matches(ctx, "COPY", tree, p, c.From == "")
		if err != nil {
			return err
		}
		req.Sources = append(req.Sources, list...)
	}
	req.Sources = append(req.Sources, literals(c.SourceContents)...)
	return s.copyLayer(ctx, req)
}

// sourceView is what --from names: a stage before this one, or an image.
func (s *stage) sourceView(ctx context.Context, from string) (*view, error) {
	node, name := s.x.graph.Reference(from, s.node)
	id := ""
	if node != nil {
		r, err := s.x.wait(ctx, node)
		if err != nil {
			return nil, err
		}
		id = r.image
	} else {
		img, err := s.x.baseImage(ctx, name, s.x.opt.Platform, s.out)
		if err != nil {
			return nil, fmt.Errorf("invalid from flag value %s: %w", from, err)
		}
		s.x.held.add(img.ID)
		id = img.ID
	}
	return s.x.view(ctx, id)
}

// matches finds what one argument means.
func (s *stage) matches(ctx context.Context, instruction string, t source.Tree, pattern string, isContext bool) ([]layer.Source, error) {
	pivot, clean := splitPivot(pattern)
	if up := path.Clean(strings.TrimLeft(clean, "/")); up == ".." || strings.HasPrefix(up, "../") {
		return nil, errdefs.InvalidArgument("%s failed: forbidden path outside the build context: %s ()", instruction, pattern)
	}
	if !source.HasMeta(clean) {
		e, err := source.Lookup(t, unescape(clean), true)
		if err != nil {
			return nil, missing(instruction, pattern, isContext, err)
		}
		return []layer.Source{{Tree: t, Path: path.Clean(unescape(clean)), Entry: e, Pivot: pivot}}, nil
	}
	found, err := source.Match(ctx, t, clean)
	if err != nil {
		return nil, err
	}
	var list []layer.Source
	for _, f := range found {
		e, err := source.Lookup(t, f.Path, true)
		if err != nil {
			return nil, missing(instruction, f.Path, isContext, err)
		}
		list = append(list, layer.Source{Tree: t, Path: f.Path, Entry: e, Pivot: pivot})
	}
	if len(list) == 0 {
		return nil, errdefs.InvalidArgument("%s failed: no source files were specified: nothing matches %s", instruction, pattern)
	}
	return list, nil
}

// splitPivot finds where the directories begin that --parents keeps.
func splitPivot(pattern string) (pivot, clean string) {
	if before, after, ok := strings.Cut(pattern, "/./"); ok {
		return before, before + "/" + after
	}
	return "", pattern
}

// unescape takes backslashes away that protect wildcards.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func missing(instruction, name string, isContext bool, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return errdefs.InvalidArgument("%s failed: %w", instruction, err)
	}
	if isContext {
		return errdefs.NotFound("%s failed: file not found in build context or excluded by .dockerignore: stat %s: file does not exist", instruction, path.Clean(name))
	}
	return errdefs.NotFound("%s failed: stat %s: file does not exist", instruction, path.Clean("/"+name))
}

// literals are files that stand in the Dockerfile itself.
func literals(list []instructions.SourceContent) []layer.Source {
	var sources []layer.Source
	for _, c := range list {
		t := source.Single(c.Path, []byte(c.Data))
		if e, err := t.Lstat(c.Path); err == nil {
			sources = append(sources, layer.Source{Tree: t, Path: c.Path, Entry: e})
		}
	}
	return sources
}

// copyLayer makes the image of a COPY or ADD.
func (s *stage) copyLayer(ctx context.Context, req layer.Request) error {
	below, err := s.x.view(ctx, s.image)
	if err != nil {
		return err
	}
	req.Below, req.WorkingDir = below.tree, s.stand.Config.WorkingDir
	var plan *layer.Plan
	err = s.x.work(ctx, func() error {
		plan, err = layer.NewPlan(ctx, req)
		return err
	})
	if err != nil {
		return err
	}
	chown := ""
	if req.Chown != "" {
		chown = "--chown=" + req.Chown
	}
	text := fmt.Sprintf("#(nop) %s %s%s in %s ", req.Instruction, flags(req), chown+plan.Sum(), req.Dest)
	return s.commit(ctx, s.noted([]string{text}), func(w io.Writer) error { return plan.Write(ctx, w) })
}

// flags are those that Docker's builder did not know when its texts were made.
func flags(req layer.Request) string {
	text := ""
	if req.Chmod != "" {
		text += "--chmod=" + req.Chmod + " "
	}
	if req.Link {
		text += "--link "
	}
	if req.Parents {
		text += "--parents "
	}
	for _, e := range req.Exclude {
		text += "--exclude=" + e + " "
	}
	return text
}
