package integration

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

func (s *sdk) images() {
	list, err := s.cli.ImageList(s.ctx, client.ImageListOptions{})
	s.want("ImageList", err, len(list.Items) == 1 && slices.Contains(list.Items[0].RepoTags, "busybox:latest"), list)
	seen, err := s.cli.ImageInspect(s.ctx, "busybox")
	s.want("ImageInspect", err, seen.ID == list.Items[0].ID && seen.Os == "linux", seen)
	_, err = s.cli.ImageInspect(s.ctx, "none")
	s.refused("ImageInspect", err, errdefs.IsNotFound, "No such image: none")
	past, err := s.cli.ImageHistory(s.ctx, "busybox")
	s.want("ImageHistory", err, len(past.Items) == 1, past)
	_, err = s.cli.ImageAttestations(s.ctx, "busybox")
	s.refused("ImageAttestations", err, errdefs.IsNotImplemented, "attestations")

	far := s.registry + "/team/box:v1"
	_, err = s.cli.ImageTag(s.ctx, client.ImageTagOptions{Source: "busybox", Target: far})
	s.do("ImageTag", err)
	push, err := s.cli.ImagePush(s.ctx, far, client.ImagePushOptions{RegistryAuth: "e30="})
	s.do("ImagePush", err)
	if err == nil {
		s.do("ImagePush", push.Wait(s.ctx))
	}
	about, err := s.cli.DistributionInspect(s.ctx, far, client.DistributionInspectOptions{})
	s.want("DistributionInspect", err, about.Descriptor.Digest != "", about)
	gone, err := s.cli.ImageRemove(s.ctx, far, client.ImageRemoveOptions{})
	s.want("ImageRemove", err, len(gone.Items) > 0, gone)
	pull, err := s.cli.ImagePull(s.ctx, far, client.ImagePullOptions{})
	s.do("ImagePull", err)
	if err == nil {
		s.do("ImagePull", pull.Wait(s.ctx))
	}
	found, err := s.cli.ImageSearch(s.ctx, s.registry+"/found", client.ImageSearchOptions{Limit: 5})
	s.want("ImageSearch", err, len(found.Items) == 1 && found.Items[0].StarCount == 3, found)

	saved, err := s.cli.ImageSave(s.ctx, []string{far})
	archive := s.all("ImageSave", saved, err)
	loaded, err := s.cli.ImageLoad(s.ctx, strings.NewReader(archive), client.ImageLoadWithQuiet(true))
	if text := s.all("ImageLoad", loaded, err); !strings.Contains(text, "Loaded image") {
		s.Errorf("ImageLoad: %s", text)
	}
	imported, err := s.cli.ImageImport(s.ctx, client.ImageImportSource{Source: bytes.NewReader(tarOf(s.T, "f", "x")), SourceName: "-"}, "one:file", client.ImageImportOptions{})
	s.all("ImageImport", imported, err)
	s.builds()
	pruned, err := s.cli.ImagePrune(s.ctx, client.ImagePruneOptions{Filters: client.Filters{}.Add("dangling", "true")})
	s.want("ImagePrune", err, pruned.Report.ImagesDeleted != nil, pruned)
}

func (s *sdk) builds() {
	built, err := s.cli.ImageBuild(s.ctx, bytes.NewReader(tarOf(s.T, "Dockerfile", "FROM busybox\nRUN echo built here\n")), client.ImageBuildOptions{Tags: []string{"made:here"}, BuildID: "mine", Remove: true})
	if text := s.all("ImageBuild", built.Body, err); !strings.Contains(text, "built here") || !strings.Contains(text, "Successfully tagged made:here") {
		s.Errorf("ImageBuild: %s", text)
	}
	_, err = s.cli.BuildCancel(s.ctx, "mine", client.BuildCancelOptions{})
	s.do("BuildCancel", err)
	caches, err := s.cli.BuildCachePrune(s.ctx, client.BuildCachePruneOptions{All: true})
	s.want("BuildCachePrune", err, len(caches.Report.CachesDeleted) == 0, caches)
	failed, err := s.cli.ImageBuild(s.ctx, bytes.NewReader(tarOf(s.T, "Dockerfile", "FROM busybox\nRUN exit 3\n")), client.ImageBuildOptions{ForceRemove: true})
	s.do("ImageBuild", err)
	if err == nil {
		text, err := io.ReadAll(failed.Body)
		if err = errors.Join(err, failed.Body.Close()); err != nil || !strings.Contains(string(text), `"code":3`) {
			s.Errorf("a build that fails: %s, %v", text, err)
		}
	}
}
