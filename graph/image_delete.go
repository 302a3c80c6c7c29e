//go:build linux

package graph

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

func (s *Store) imageDeleteDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_delete", Summary: "Remove a name, and the image with its unnamed parents when it was the last.",
		Args: []engine.Arg{{Name: "IMAGE", Summary: "a name removes that name; an id all names of the image"}},
		Env: []engine.Key{
			{Name: "force", Type: engine.Bool, Summary: "also with names in several repositories or stopped containers"},
			{Name: "noprune", Type: engine.Bool, Summary: "leave unnamed parents"},
			{Name: "platforms", Type: engine.List, Summary: "one os/architecture[/variant], or the object of the API, that the image has to be for"},
		},
		Stdout: engine.JSONDocument, Changes: true, Handler: s.jobImageDelete,
	}
}

type deleteOptions struct {
	force, noPrune bool
	platforms      []platform
}

func decodeImageDelete(job *engine.Job) (deleteOptions, error) {
	opt := deleteOptions{force: job.GetenvBool("force"), noPrune: job.GetenvBool("noprune")}
	var err error
	opt.platforms, err = decodePlatforms(job.GetenvList("platforms"))
	if err == nil && len(opt.platforms) > 1 {
		err = errdefs.InvalidArgument("multiple platforms are not supported: an image has one")
	}
	return opt, err
}

// jobImageDelete
//
//	Usage:  image_delete IMAGE
//	Env:    force, noprune, platforms
//	Stdout: JSON list of api.ImageDeleted in the order of what was done
//	Errors: NotFound (also of the platform), InvalidArgument (an ambiguous id,
//	        a malformed name or platform, several platforms),
//	        Conflict (several repositories, containers, images made from it)
//	Events: untag, delete
func (s *Store) jobImageDelete(job *engine.Job) error {
	opt, err := decodeImageDelete(job)
	if err != nil {
		return err
	}
	rows, err := s.Delete(job.Context(), job.Args[0], opt)
	if err != nil {
		return err
	}
	return job.WriteJSON(rows)
}

// Delete removes a name or an image.
func (s *Store) Delete(ctx context.Context, ref string, opt deleteOptions) ([]api.ImageDeleted, error) {
	if ref == "" {
		return nil, errdefs.InvalidArgument("Image name can not be blank")
	}
	users, err := s.containersByImage(ctx)
	if err != nil {
		return nil, err
	}
	d := &deletion{store: s, opt: opt, users: users}
	err = d.run(ref)
	d.tell(ctx)
	return d.rows, err
}

// tell sends the events of what was done.
func (d *deletion) tell(ctx context.Context) {
	for _, e := range d.events {
		attributes := map[string]string{}
		maps.Copy(attributes, e.labels)
		attributes["name"] = e.name
		d.store.event(ctx, e.action, e.id, attributes)
	}
}

// deletion is one run of Delete.
type deletion struct {
	store  *Store
	opt    deleteOptions
	users  map[string][]api.ContainerSummary // image id → containers
	rows   []api.ImageDeleted
	events []deletionEvent // sent when nothing is locked any more
	freed  int64           // bytes of the layers that are gone
}

type deletionEvent struct {
	action, id, name string
	labels           map[string]string // of the image, which is gone when they are sent
}

func (d *deletion) run(ref string) error {
	d.store.change.Lock()
	defer d.store.change.Unlock()
	now := d.store.current.Load()
	img, name, err := now.find(ref)
	if err != nil {
		return err
	}
	for _, p := range d.opt.platforms {
		if !p.matches(platformOf(img)) {
			return notFor(ref, p)
		}
	}
	names := withDigests(img, familiar(name))
	all := len(img.RepoTags) + len(img.RepoDigests)
	if name == "" {
		names = slices.Concat(img.RepoTags, img.RepoDigests)
		if len(repositoriesOf(names)) > 1 && !d.opt.force {
			return errdefs.Conflict("Conflict, cannot delete image %s because it is tagged in multiple repositories, use -f to force", ref)
		}
	}
	last := len(names) >= all
	if last {
		if err := d.checkUsers(img); err != nil {
			return err
		}
		if len(now.children[img.ID]) > 0 && len(names) == 0 {
			return errdefs.Conflict("Conflict, %s wasn't deleted: %d image(s) were made from it", ref, len(now.children[img.ID]))
		}
	}
	if err := d.untag(img, names); err != nil {
		return err
	}
	if !last {
		return nil
	}
	return d.remove(img.ID)
}

// withDigests is a name and, when it is the last tag of its repository, the
// digests that the image has there: they came with it.
func withDigests(img *image.Image, name string) []string {
	names := []string{name}
	repo, rest := splitRef(name)
	in := func(other string) bool { r, _ := splitRef(other); return r == repo }
	if strings.HasPrefix(rest, "@") || slices.ContainsFunc(img.RepoTags, func(tag string) bool { return tag != name && in(tag) }) {
		return names
	}
	for _, digest := range img.RepoDigests {
		if in(digest) {
			names = append(names, digest)
		}
	}
	return names
}

// familiar is a full name as people write it.
func familiar(full string) string {
	if ref, err := reference.Parse(full); err == nil {
		return ref.FamiliarString()
	}
	return full
}

func repositoriesOf(names []string) map[string]bool {
	repos := make(map[string]bool)
	for _, n := range names {
		repo, _ := splitRef(n)
		repos[repo] = true
	}
	return repos
}

// checkUsers refuses to delete what a container was made from.
func (d *deletion) checkUsers(img *image.Image) error {
	id := image.ShortID(img.ID)
	for _, c := range d.users[img.ID] {
		short := image.ShortID(c.Id)
		running := c.State == "running" || c.State == "paused" || c.State == "restarting"
		switch {
		case running && d.opt.force:
			return errdefs.Conflict(
				"Conflict, cannot force delete %s because the running container %s is using it, stop it and retry", id, short)
		case running:
			return errdefs.Conflict(
				"Conflict, cannot delete %s because the running container %s is using it, stop it and use -f to force", id, short)
		case !d.opt.force:
			return errdefs.Conflict(
				"Conflict, cannot delete %s because the container %s is using it, use -f to force", id, short)
		}
	}
	return nil
}

func (d *deletion) untag(img *image.Image, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := d.store.dropNames(names); err != nil {
		return err
	}
	var labels map[string]string
	if img.Config != nil {
		labels = img.Config.Labels
	}
	for _, n := range names {
		d.rows = append(d.rows, api.ImageDeleted{Untagged: n})
		d.events = append(d.events, deletionEvent{"untag", img.ID, n, labels})
	}
	return nil
}

// remove deletes an image without names, and then its parents as long as they
// have no names, children or containers.
func (d *deletion) remove(id string) error {
	for first := true; id != ""; first = false {
		now := d.store.current.Load()
		img := now.images[id]
		if img == nil || named(img) || len(now.children[id]) > 0 {
			return nil
		}
		if !first && len(d.users[id]) > 0 {
			return nil
		}
		freed, err := d.store.dropImage(img)
		d.freed += freed
		if err != nil {
			return err
		}
		d.rows = append(d.rows, api.ImageDeleted{Deleted: id})
		d.events = append(d.events, deletionEvent{action: "delete", id: id, name: id})
		if d.opt.noPrune {
			return nil
		}
		id = img.Parent
	}
	return nil
}

// containersByImage asks who uses images. Without a daemon nobody does.
func (s *Store) containersByImage(ctx context.Context) (map[string][]api.ContainerSummary, error) {
	users := make(map[string][]api.ContainerSummary)
	if s.eng == nil {
		return users, nil
	}
	job := s.eng.Job("containers").SetContext(ctx)
	job.SetenvBool("all", true)
	var list []api.ContainerSummary
	if err := job.OutputJSON(&list); unknownJob(err) {
		return users, nil
	} else if err != nil {
		return nil, err
	}
	for _, c := range list {
		id := c.ImageID
		if !strings.HasPrefix(id, "sha256:") {
			id = "sha256:" + id
		}
		users[id] = append(users[id], c)
	}
	return users, nil
}
