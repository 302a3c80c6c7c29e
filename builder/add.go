package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/layer"
	"github.com/enginejobs/docker/builder/remote"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
)

// add is ADD: COPY that also takes URLs and unpacks archives.
func (s *stage) add(ctx context.Context, c *instructions.AddCommand) error {
	req := layer.Request{
		Instruction: "ADD", Dest: c.DestPath, Chown: c.Chown, Chmod: c.Chmod, Link: c.Link, Exclude: c.ExcludePatterns,
	}
	if c.Checksum != "" && (len(c.SourcePaths) != 1 || !remote.IsHTTP(c.SourcePaths[0])) {
		return errdefs.InvalidArgument("line %d: --checksum is for one source by HTTP only", s.step.Line)
	}
	if c.Checksum != "" && !isChecksum(c.Checksum) {
		return errdefs.InvalidArgument("line %d: invalid checksum %q: it is sha256: and 64 hexadecimal digits", s.step.Line, c.Checksum)
	}
	for _, p := range c.SourcePaths {
		list, err := s.addSource(ctx, c, p)
		if err != nil {
			return err
		}
		req.Sources = append(req.Sources, list...)
	}
	req.Sources = append(req.Sources, literals(c.SourceContents)...)
	return s.copyLayer(ctx, req)
}

func (s *stage) addSource(ctx context.Context, c *instructions.AddCommand, p string) ([]layer.Source, error) {
	switch {
	case remote.IsGit(p):
		return s.addGit(ctx, c, p)
	case remote.IsHTTP(p):
		return s.addURL(ctx, c, p)
	}
	list, err := s.matches(ctx, "ADD", s.x.context, p, true)
	for i := range list {
		list[i].Unpack = c.Unpack == nil || *c.Unpack
	}
	return list, err
}

// isChecksum knows what --checksum may be.
func isChecksum(text string) bool {
	digits, ok := strings.CutPrefix(text, "sha256:")
	sum, err := hex.DecodeString(digits)
	return ok && err == nil && len(sum) == sha256.Size
}

// verify compares a download with --checksum.
func verify(ctx context.Context, t source.Tree, e source.Entry, want string) error {
	digits := strings.TrimPrefix(want, "sha256:")
	r, err := t.Open(ctx, e)
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err = io.Copy(h, r); err != nil {
		return errors.Join(err, r.Close())
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != strings.ToLower(digits) {
		return errors.Join(errdefs.InvalidArgument("ADD failed: digest mismatch sha256:%s: %s was expected", got, want), r.Close())
	}
	return r.Close()
}

// destName is the file that a download without a name goes to.
func destName(c *instructions.AddCommand, name, url string) (string, error) {
	if name == "" && strings.HasSuffix(c.DestPath, "/") {
		return "", errdefs.InvalidArgument("cannot determine filename from url: %s", url)
	}
	if name == "" {
		name = "download"
	}
	return name, nil
}
