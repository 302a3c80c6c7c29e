//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/reference"
)

func (s *Store) imagesCheckDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "images_check", Summary: "Read all images again and name what is damaged or missing.",
		Args:   []engine.Arg{{Name: "IMAGE", Optional: true, Variadic: true, Summary: "check these only"}},
		Env:    []engine.Key{{Name: "json", Type: engine.Bool, Summary: "progress as JSON objects instead of text"}},
		Stdout: engine.Bytes, Handler: s.jobImagesCheck,
	}
}

// jobImagesCheck
//
//	Usage:  images_check [IMAGE…]
//	Env:    json
//	Stdout: progress, a status for each problem; with json the last object has
//	        "aux": one api.ImagesChecked
//	Errors: NotFound (an IMAGE), Internal (something is damaged; all of it has been
//	        told)
//
// It changes nothing, holds up nobody and can be cancelled. What is removed while
// it reads is left out.
func (s *Store) jobImagesCheck(job *engine.Job) error {
	out := jsonstream.NewWriter(job.Stdout, job.GetenvBool("json"))
	result, err := s.Check(job.Context(), job.Args, out)
	if err != nil {
		return err
	}
	if err := out.Status("", "Checked %d images, %d names, %d layers, %d files (%d bytes)",
		result.Images, result.Names, result.Layers, result.Files, result.Bytes); err != nil {
		return err
	}
	if job.GetenvBool("json") {
		if err := out.Aux(result); err != nil {
			return err
		}
	}
	if n := len(result.Problems); n > 0 {
		return errdefs.Internal("%d problems were found", n)
	}
	return nil
}

// check is one run of Check.
type check struct {
	s      *Store
	out    *jsonstream.Writer
	users  map[string][]string // chain id → images, by name where they have one
	result api.ImagesChecked
	err    error // of writing to the caller
}

// Check reads documents, names and layers again. With refs it reads those images
// and their layers only.
func (s *Store) Check(ctx context.Context, refs []string, out *jsonstream.Writer) (api.ImagesChecked, error) {
	c := &check{s: s, out: out, users: make(map[string][]string)}
	c.result.Problems = []api.ImageProblem{}
	now := s.current.Load()
	var ids, chains []string
	for _, ref := range refs {
		img, _, err := now.find(ref)
		if err != nil {
			return c.result, err
		}
		ids = append(ids, img.ID)
		chains = append(chains, image.ChainIDs(img.RootFS.DiffIDs)...)
	}
	for id, img := range now.images {
		for _, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
			c.users[chain] = append(c.users[chain], shownName(id, img))
		}
	}
	if len(refs) == 0 {
		var err error
		if ids, err = idsIn(s.path("imagedb/content/sha256")); err != nil {
			return c.result, err
		}
		if chains, err = idsIn(s.path("layerdb/sha256")); err != nil {
			return c.result, err
		}
		c.names()
		c.strays()
	}
	slices.Sort(chains)
	for _, id := range ids {
		c.document(id)
	}
	for _, chain := range slices.Compact(chains) {
		if err := errors.Join(ctx.Err(), c.err); err != nil {
			return c.result, err
		}
		c.layer(ctx, chain)
	}
	return c.result, errors.Join(ctx.Err(), c.err)
}

func shownName(id string, img *image.Image) string {
	if len(img.RepoTags) > 0 {
		return img.RepoTags[0]
	}
	return image.ShortID(id)
}

// idsIn lists the ids that the names in a directory stand for.
func idsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, "sha256:"+e.Name())
	}
	return ids, err
}

// found reports a problem.
func (c *check) found(p api.ImageProblem) {
	c.result.Problems = append(c.result.Problems, p)
	text := p.Kind + " " + p.Id
	if p.Path != "" {
		text += ": " + p.Path
	}
	text += ": " + p.Problem
	if len(p.Images) > 0 {
		text += " (in " + strings.Join(p.Images, ", ") + ")"
	}
	c.told(c.out.Status("", "%s", text))
}

func (c *check) told(err error) {
	if c.err == nil {
		c.err = err
	}
}

// document reads one document again, and looks for the layers that it names.
func (c *check) document(id string) {
	c.result.Images++
	problem := func(format string, args ...any) {
		c.found(api.ImageProblem{Kind: "image", Id: id, Problem: fmt.Sprintf(format, args...)})
	}
	if !image.ValidDigest(id) {
		problem("its file has a wrong name")
		return
	}
	raw, err := os.ReadFile(c.s.contentPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		if c.still(func() bool { // else it was removed meanwhile
			_, err := os.Lstat(c.s.contentPath(id))
			return err != nil && c.s.current.Load().images[id] != nil
		}) {
			problem("its document is missing")
		}
		return
	}
	if err != nil {
		problem("its document cannot be read: %v", err)
		return
	}
	if got := image.Digest(raw); got != id {
		problem("its document has the digest %s", got)
		return
	}
	img, err := image.Parse(raw)
	if err != nil {
		problem("%v", err)
		return
	}
	missing := ""
	gone := func() bool {
		missing = c.s.missingLayer(img)
		_, err := os.Lstat(c.s.contentPath(id))
		return missing != "" && err == nil
	}
	if gone() && c.still(gone) {
		problem("its layer %s is missing", missing)
	}
}

// missingLayer is the first layer of an image that is not there, "" for none.
func (s *Store) missingLayer(img *image.Image) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
		if s.layers[chain] == nil {
			return chain
		}
	}
	return ""
}

// still asks again while nobody is in the middle of a change: what looks wrong
// may be about to be right.
func (c *check) still(wrong func() bool) bool {
	c.s.change.Lock()
	defer c.s.change.Unlock()
	return wrong()
}

// names reads the names again.
func (c *check) names() {
	raw, err := os.ReadFile(c.s.path(refsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var file repositories
	if err == nil {
		file, err = parseRepositories(raw)
	}
	if err != nil {
		c.found(api.ImageProblem{Kind: "names", Id: refsFile, Problem: err.Error()})
		return
	}
	all := make(map[string]string)
	for _, names := range file.Repositories {
		maps.Copy(all, names)
	}
	now := c.s.current.Load()
	for name, id := range file.Promised {
		if now.images[id] != nil {
			all[name] = id
		}
	}
	c.result.Names += len(all)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		ref, err := reference.Parse(name)
		if err != nil || ref.IsNameOnly() {
			c.found(api.ImageProblem{Kind: "name", Id: name, Problem: "it is no name of an image"})
			continue
		}
		now := c.s.current.Load()
		if id := all[name]; now.images[id] == nil && now.refs[ref.String()] == id {
			c.found(api.ImageProblem{Kind: "name", Id: name, Problem: fmt.Sprintf("its image %s is missing", id)})
		}
	}
}

// strays finds layers of the driver that nobody needs.
func (c *check) strays() {
	list := c.s.driver.List()
	ours := make(map[string]bool)
	c.s.mu.Lock()
	for _, l := range c.s.layers {
		ours[l.cacheID], ours[initID(l.cacheID)] = true, true
	}
	c.s.mu.Unlock()
	for _, l := range list {
		stray := func() bool { return c.stray(l.ID) }
		if !l.ReadWrite && !ours[l.ID] && stray() && c.still(stray) {
			c.found(api.ImageProblem{Kind: "layer", Id: l.ID, Problem: "no image needs this layer of driver " + c.s.driver.Name()})
		}
	}
}

// stray tells whether a layer of the driver belongs to nothing that is known or on
// its way.
func (c *check) stray(id string) bool {
	if _, err := os.Lstat(c.s.path("tmp", "layer-"+id)); err == nil || id == initID("") || !c.s.driver.Exists(id) {
		return false
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, l := range c.s.layers {
		if id == l.cacheID || id == initID(l.cacheID) {
			return false
		}
	}
	return true
}
