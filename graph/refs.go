//go:build linux

package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// repositories is the file repositories.json: repository → full name → id, the
// names as people write them.
type repositories struct {
	Version      int
	Repositories map[string]map[string]string
	// Promised names, full name → id, are written before the document of their
	// image. They count when the image is there, so that image and names appear at
	// once.
	Promised map[string]string `json:",omitempty"`
}

const (
	refsFile    = "repositories.json"
	refsVersion = 1
)

func parseRepositories(raw []byte) (repositories, error) {
	var file repositories
	if err := json.Unmarshal(raw, &file); err != nil {
		return file, fmt.Errorf("reading %s: %w", refsFile, err)
	}
	if file.Version > refsVersion {
		return file, fmt.Errorf("%s has version %d; this engine knows up to %d", refsFile, file.Version, refsVersion)
	}
	return file, nil
}

// loadRefs reads the names; those of images that do not exist are left out.
func (s *Store) loadRefs(images map[string]*image.Image) (map[string]string, error) {
	refs := make(map[string]string)
	raw, err := os.ReadFile(s.path(refsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return refs, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := parseRepositories(raw)
	if err != nil {
		return nil, err
	}
	for _, names := range file.Repositories {
		for name, id := range names {
			ref, err := reference.Parse(name)
			if err != nil || ref.IsNameOnly() || images[id] == nil {
				s.logf("the name %q of image %s is dropped: the image or the name is no good", name, id)
				continue
			}
			refs[ref.String()] = id
		}
	}
	for name, id := range file.Promised {
		if ref, err := reference.Parse(name); err == nil && !ref.IsNameOnly() && images[id] != nil {
			refs[ref.String()] = id
		}
	}
	return refs, nil
}

// saveRefs writes the names.
func (s *Store) saveRefs(refs map[string]string) error { return s.promise(refs, nil) }

// promise writes the names, and those that images get which are not there yet.
// The next saveRefs keeps or forgets them. Callers hold change.
func (s *Store) promise(refs, promised map[string]string) error {
	file := repositories{Version: refsVersion, Repositories: make(map[string]map[string]string), Promised: promised}
	for full, id := range refs {
		ref, err := reference.Parse(full)
		if err != nil {
			return err
		}
		repo := ref.FamiliarName()
		if file.Repositories[repo] == nil {
			file.Repositories[repo] = make(map[string]string)
		}
		file.Repositories[repo][ref.FamiliarString()] = id
	}
	raw, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return s.write(s.path(refsFile), append(raw, '\n'))
}

// parseName makes the full name of a repository and an optional tag. The
// repository may carry the tag itself.
func parseName(repo, tag string) (reference.Ref, error) {
	var none reference.Ref
	switch repo {
	case "":
		return none, errdefs.InvalidArgument("Repository name can't be empty")
	case "scratch":
		return none, errdefs.InvalidArgument("'scratch' is a reserved name")
	}
	ref, err := reference.Parse(repo)
	if err != nil {
		return none, errdefs.InvalidArgument("invalid repository name %q: %w", repo, err)
	}
	if ref.Digest != "" {
		return none, errdefs.InvalidArgument("refusing to create a tag with a digest reference: %q", repo)
	}
	if tag != "" {
		if ref, err = ref.WithTag(tag); err != nil {
			return none, errdefs.InvalidArgument(
				"Illegal tag name (%s): only [A-Za-z0-9_.-] are allowed, minimum 1, maximum 128 in length", tag)
		}
	}
	if ref.FamiliarName() == "scratch" {
		return none, errdefs.InvalidArgument("'scratch' is a reserved name")
	}
	return ref.WithDefaultTag(), nil
}

// Tag gives an image a name. A name of another image moves only when force is
// set. Callers of this method hold nothing.
func (s *Store) Tag(ref, repo, tag string, force bool) (*image.Image, string, error) {
	name, err := parseName(repo, tag)
	if err != nil {
		return nil, "", err
	}
	s.change.Lock()
	defer s.change.Unlock()
	img, _, err := s.current.Load().find(ref)
	if err != nil {
		return nil, "", err
	}
	if err := s.setName(name, img.ID, force); err != nil {
		return nil, "", err
	}
	return img, name.FamiliarString(), nil
}

// setName writes a name. Callers hold change.
func (s *Store) setName(name reference.Ref, id string, force bool) error {
	now := s.current.Load()
	if old := now.refs[name.String()]; old != "" && old != id && !force {
		return errdefs.Conflict("Conflict: Tag %s is already set to image %s, if you want to replace it, please use -f option",
			name.Tag, old)
	}
	return s.setNames(map[string]string{name.String(): id})
}

// setNames writes names, full name → id of an image that is there. Those that
// exist move. Callers hold change.
func (s *Store) setNames(names map[string]string) error {
	if len(names) == 0 {
		return nil
	}
	now := s.current.Load()
	refs, images, at := maps.Clone(now.refs), now.copyImages(), s.now().UTC()
	for name, id := range names {
		refs[name] = id
		tagged := *images[id]
		tagged.TagTime = at
		images[id] = &tagged
		if err := s.writeTagTime(id, at); err != nil {
			return fmt.Errorf("tagging image %s: %w", id, err)
		}
	}
	if err := s.saveRefs(refs); err != nil {
		return fmt.Errorf("tagging %d images: %w", len(names), err)
	}
	s.publish(images, refs)
	return nil
}

func (s *Store) writeTagTime(id string, at time.Time) error {
	if err := os.MkdirAll(s.metaPath(id), 0o700); err != nil {
		return err
	}
	return s.write(s.metaPath(id, "lastUpdated"), []byte(at.Format(time.RFC3339Nano)))
}

// dropNames forgets names, full or as people write them. Callers hold change.
func (s *Store) dropNames(names []string) error {
	now := s.current.Load()
	refs := maps.Clone(now.refs)
	for _, name := range names {
		if ref, err := reference.Parse(name); err == nil {
			delete(refs, ref.String())
		}
	}
	if err := s.saveRefs(refs); err != nil {
		return fmt.Errorf("removing the name %s: %w", strings.Join(names, ", "), err)
	}
	s.publish(now.images, refs)
	return nil
}
