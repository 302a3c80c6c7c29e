//go:build linux

package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/registry"
	"github.com/enginejobs/docker/registry/registrytest"
)

// newPeer is a store that can reach registries, and a registry.
func newPeer(t *testing.T, opt registrytest.Options) (*bench, *registrytest.Registry) {
	t.Helper()
	b := newBench(t)
	s, err := registry.New(registry.Options{Backoff: time.Millisecond, Stall: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	b.registries = s
	b.eng.Replace("pull", b.jobPull)
	b.eng.Replace("push", b.jobPush)
	return b, registrytest.New(t, opt)
}

// auth is the env of somebody who may.
func auth() map[string]string {
	return map[string]string{"authConfig": `{"username":"` + registrytest.User + `","password":"` + registrytest.Password + `"}`}
}

// publish puts an image of layers, one file each, into a registry.
func publish(t *testing.T, peer *registrytest.Registry, repo, tag string, files ...string) (id, digest string) {
	t.Helper()
	doc := image.Document{OS: hostPlatform().OS, Architecture: hostPlatform().Architecture}
	man := ociManifest{SchemaVersion: 2, MediaType: mediaDockerManifest}
	for _, file := range files {
		layer := graphtest.Archive(t, graphtest.File(file, strings.Repeat(file, 20000)))
		var packed bytes.Buffer
		gz := gzip.NewWriter(&packed)
		if _, err := gz.Write(layer); err != nil {
			t.Fatal(err)
		}
		if err := gz.Close(); err != nil {
			t.Fatal(err)
		}
		doc.RootFS.DiffIDs = append(doc.RootFS.DiffIDs, image.Digest(layer))
		man.Layers = append(man.Layers, ociDescriptor{
			MediaType: mediaDockerLayer, Digest: peer.AddBlob(repo, packed.Bytes()), Size: int64(packed.Len()),
		})
	}
	img, err := image.New(doc)
	if err != nil {
		t.Fatal(err)
	}
	man.Config = ociDescriptor{MediaType: mediaDockerConfig, Digest: peer.AddBlob(repo, img.Raw), Size: int64(len(img.Raw))}
	raw, err := json.Marshal(man)
	if err != nil {
		t.Fatal(err)
	}
	return img.ID, peer.AddManifest(repo, tag, registry.TypeSchema2, raw)
}

func TestPull(t *testing.T) {
	for _, opt := range []registrytest.Options{{}, {Auth: "token", TLS: true}, {Auth: "basic"}} {
		b, peer := newPeer(t, opt)
		id, digest := publish(t, peer, "team/app", "v1", "a", "b", "c")
		name := peer.Host() + "/team/app"
		out, err := b.run(nil, auth(), "pull", name, "v1")
		if err != nil {
			t.Fatalf("%+v: %v", opt, err)
		}
		for _, want := range []string{"Pulling from team/app", "Digest: " + digest, "Status: Downloaded newer image for " + name + ":v1", "Pull complete"} {
			if !strings.Contains(out, want) {
				t.Errorf("%+v: no %q in %q", opt, want, out)
			}
		}
		img, err := b.Image(name + ":v1")
		if err != nil || img.ID != id || len(img.RepoDigests) != 1 || img.RepoDigests[0] != name+"@"+digest {
			t.Errorf("%+v: %+v %v", opt, img, err)
		}
		peer.Requests()
		out, err = b.run(nil, auth(), "pull", name+":v1")
		if err != nil || !strings.Contains(out, "Status: Image is up to date for "+name+":v1") {
			t.Errorf("%+v: again: %q %v", opt, out, err)
		}
		if n := len(peer.Requests()); n != 1 {
			t.Errorf("%+v: %d requests for an image that has not changed", opt, n)
		}
		if _, err := b.run(nil, auth(), "pull", name+"@"+digest); err != nil {
			t.Errorf("%+v: by digest: %v", opt, err)
		}
		b.clean(3)
		if got := b.eventNames(); got != "pull "+name {
			t.Errorf("events %q", got)
		}
	}
}

func TestPull_AllTagsAndPlatforms(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	name := peer.Host() + "/x"
	one, oneDigest := publish(t, peer, "x", "one", "a")
	publish(t, peer, "x", "two", "a", "b")
	if _, err := b.run(nil, nil, "pull", name); err != nil {
		t.Fatal(err)
	}
	if n := len(b.current.Load().images); n != 2 {
		t.Errorf("%d images of two tags", n)
	}
	_, raw := peer.Manifest("x", "one")
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[
		{"digest":"sha256:%064d","size":3,"platform":{"os":"linux","architecture":"riscv64"}},
		{"digest":%q,"size":3,"platform":{"os":"unknown","architecture":"unknown"}},
		{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":"linux","architecture":%q}}]}`,
		registry.TypeOCIIndex, 1, oneDigest, registry.TypeSchema2, oneDigest, len(raw), hostPlatform().Architecture)
	top := peer.AddManifest("x", "many", registry.TypeOCIIndex, []byte(index))
	if _, err := b.run(nil, nil, "pull", name, "many"); err != nil {
		t.Fatal(err)
	}
	img, err := b.Image(name + ":many")
	if err != nil || img.ID != one || !strings.Contains(strings.Join(img.RepoDigests, " "), top) {
		t.Errorf("%+v %v", img, err)
	}
	_, err = b.run(nil, map[string]string{"platform": "linux/s390x"}, "pull", name, "many")
	b.wantKind(err, errdefs.KindNotFound, "no matching manifest for linux/s390x in the manifest list entries")
}

func TestPull_Schema1AndV1(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	layer := graphtest.Archive(t, graphtest.File("old", "x"))
	var packed bytes.Buffer
	if err := pack(&packed, bytes.NewReader(layer)); err != nil {
		t.Fatal(err)
	}
	blob := peer.AddBlob("old", packed.Bytes())
	doc := struct {
		SchemaVersion int                 `json:"schemaVersion"`
		FSLayers      []map[string]string `json:"fsLayers"`
		History       []map[string]string `json:"history"`
	}{1, []map[string]string{{"blobSum": blob}, {"blobSum": blob}}, []map[string]string{
		{"v1Compatibility": `{"id":"b","parent":"a","os":"linux","architecture":"amd64","throwaway":true,"config":{"Cmd":["x"]}}`},
		{"v1Compatibility": `{"id":"a","created":"2020-01-01T00:00:00Z"}`},
	}}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	peer.AddManifest("old", "latest", registry.TypeSchema1, raw)
	name := peer.Host() + "/old:latest"
	if _, err := b.run(nil, nil, "pull", name); err != nil {
		t.Fatal(err)
	}
	img, err := b.Image(name)
	if err != nil || len(img.RootFS.DiffIDs) != 1 || img.RootFS.DiffIDs[0] != image.Digest(layer) || len(img.History) != 2 || img.Config.Cmd[0] != "x" {
		t.Errorf("%+v %v", img, err)
	}

	ancient := registrytest.New(t, registrytest.Options{V1: true})
	base, top := strings.Repeat("a", 64), strings.Repeat("b", 64)
	ancient.AddV1("team/v1", "", base, []byte(`{"id":"`+base+`"}`), layer)
	ancient.AddV1("team/v1", "latest", top, []byte(`{"id":"`+top+`","parent":"`+base+`","os":"linux"}`), packed.Bytes())
	name = ancient.Host() + "/team/v1:latest"
	if _, err := b.run(nil, nil, "pull", name); err != nil {
		t.Fatal(err)
	}
	if img, err = b.Image(name); err != nil || len(img.RootFS.DiffIDs) != 2 {
		t.Errorf("%+v %v", img, err)
	}
	_, err = b.run(nil, nil, "pull", ancient.Host()+"/team/v1", "none")
	b.wantKind(err, errdefs.KindNotFound, "Tag none not found in repository")
}

// Whatever a registry does, nothing half-made stays.
func TestPull_Faults(t *testing.T) {
	for what, fault := range map[string]registrytest.Fault{
		"wrong bytes of layers":   {Path: "/blobs/", Flip: true},
		"layers without end":      {Path: "/blobs/", Huge: 200 << 20},
		"layers cut for ever":     {Path: "/blobs/", CutAt0: true},
		"layers that are missing": {Path: "/blobs/", Status: http.StatusNotFound},
		"manifest of 100 MB":      {Path: "/manifests/", Huge: 100 << 20},
		"wrong manifest":          {Path: "/manifests/", Flip: true},
		"redirects for ever":      {Path: "/blobs/", Redirect: "/v2/x/blobs/again"},
		"401 for ever":            {Path: "/manifests/", Status: http.StatusUnauthorized},
	} {
		t.Run(what, func(t *testing.T) {
			b, peer := newPeer(t, registrytest.Options{})
			publish(t, peer, "x", "latest", "a", "b")
			peer.Fail(fault)
			if out, err := b.run(nil, nil, "pull", peer.Host()+"/x", "latest"); err == nil {
				t.Errorf("it went well: %q", out)
			}
			b.nothing()
			peer.Heal()
			if _, err := b.run(nil, nil, "pull", peer.Host()+"/x", "latest"); err != nil {
				t.Errorf("healed: %v", err)
			}
		})
	}
}

// Documents that lie about what belongs to them are refused.
func TestPull_Lies(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	layer := graphtest.Archive(t, graphtest.File("f", "x"))
	blob := peer.AddBlob("x", layer)
	config := func(diffIDs ...string) ociDescriptor {
		img, err := image.New(image.Document{OS: "linux", Architecture: "amd64", RootFS: image.RootFS{DiffIDs: diffIDs}})
		if err != nil {
			t.Fatal(err)
		}
		return ociDescriptor{Digest: peer.AddBlob("x", img.Raw), Size: int64(len(img.Raw))}
	}
	good := ociDescriptor{Digest: blob, Size: int64(len(layer))}
	for what, man := range map[string]ociManifest{
		"another layer":      {SchemaVersion: 2, Config: config(image.Digest([]byte("other"))), Layers: []ociDescriptor{good}},
		"more layers":        {SchemaVersion: 2, Config: config(image.Digest(layer)), Layers: []ociDescriptor{good, good}},
		"a wrong size":       {SchemaVersion: 2, Config: config(image.Digest(layer)), Layers: []ociDescriptor{{Digest: blob, Size: 7}}},
		"a size below zero":  {SchemaVersion: 2, Config: config(image.Digest(layer)), Layers: []ociDescriptor{{Digest: blob, Size: -1}}},
		"no digest":          {SchemaVersion: 2, Config: config(image.Digest(layer)), Layers: []ociDescriptor{{Digest: "../../etc"}}},
		"a huge document":    {SchemaVersion: 2, Config: ociDescriptor{Digest: blob, Size: 1 << 40}, Layers: []ociDescriptor{good}},
		"no image document":  {SchemaVersion: 2, Config: good, Layers: []ociDescriptor{good}},
		"something else":     {SchemaVersion: 2, Config: ociDescriptor{MediaType: "application/x-helm", Digest: blob}, Layers: nil},
		"an unknown version": {SchemaVersion: 3, Config: config(image.Digest(layer)), Layers: []ociDescriptor{good}},
	} {
		raw, err := json.Marshal(man)
		if err != nil {
			t.Fatal(err)
		}
		peer.AddManifest("x", "lie", registry.TypeOCIManifest, raw)
		if _, err := b.run(nil, nil, "pull", peer.Host()+"/x", "lie"); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	b.nothing()
	for _, name := range []string{"UPPER", "a b", strings.Repeat("f", 64), "x@sha256:1"} {
		_, err := b.run(nil, nil, "pull", name)
		b.wantKind(err, errdefs.KindInvalidArgument, "invalid reference format")
	}
}

// Two who pull the same image share one download; when one leaves the other goes on.
func TestPull_Shared(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	publish(t, peer, "x", "latest", "a", "b")
	peer.Fail(registrytest.Fault{Path: "/blobs/", Drip: time.Millisecond})
	peer.Requests()
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() {
			job := b.eng.Job("pull", peer.Host()+"/x", "latest")
			if i == 0 {
				job.SetContext(ctx)
			}
			_, errs[i] = job.Output()
		})
	}
	time.Sleep(100 * time.Millisecond)
	leave()
	wg.Wait()
	if !errors.Is(errs[0], context.Canceled) || errs[1] != nil || errs[2] != nil {
		t.Fatal(errs)
	}
	n := 0
	for _, q := range peer.Requests() {
		if strings.Contains(q, "/blobs/") {
			n++
		}
	}
	if n > 3+2+2 { // three documents, two layers, and once more for who took over
		t.Errorf("%d requests for two layers", n)
	}
	b.clean(2)
}

func TestPush(t *testing.T) {
	for _, opt := range []registrytest.Options{{}, {Auth: "token", TLS: true}, {Auth: "basic"}} {
		b, peer := newPeer(t, opt)
		id := b.add("base", "one")
		name := peer.Host() + "/team/app"
		tag := func(to string) {
			t.Helper()
			if _, _, err := b.Tag("base", to, "", true); err != nil {
				t.Fatal(err)
			}
		}
		tag(name + ":v1")
		out, err := b.run(nil, auth(), "push", name+":v1")
		if err != nil {
			t.Fatalf("%+v: %v", opt, err)
		}
		kind, raw := peer.Manifest("team/app", "v1")
		if kind != registry.TypeSchema2 || !strings.Contains(out, fmt.Sprintf("v1: digest: %s size: %d", image.Digest(raw), len(raw))) ||
			!strings.Contains(out, "The push refers to repository ["+name+"]") || !strings.Contains(out, "Pushed") {
			t.Errorf("%+v: %s %q", opt, kind, out)
		}
		if img, err := b.Image(name + "@" + image.Digest(raw)); err != nil || img.ID != id {
			t.Errorf("%+v: %v %v", opt, img, err)
		}
		peer.Requests()
		if out, err = b.run(nil, auth(), "push", name+":v1"); err != nil || !strings.Contains(out, "Layer already exists") {
			t.Errorf("%+v: again: %q %v", opt, out, err)
		}
		if n := len(peer.Requests()); n > 2 {
			t.Errorf("%+v: %d requests for what has not changed", opt, n)
		}
		tag(peer.Host() + "/other:v2")
		if out, err = b.run(nil, auth(), "push", peer.Host()+"/other", "v2"); err == nil {
			t.Errorf("%+v: an argument too many: %q", opt, out)
		}
		if out, err = b.run(nil, auth(), "push", peer.Host()+"/other:v2"); err != nil || !strings.Contains(out, "Mounted from team/app") {
			t.Errorf("%+v: another repository: %q %v", opt, out, err)
		}
		if n := peer.Uploads(); n > 0 {
			t.Errorf("%+v: %d uploads are left", opt, n)
		}
		// Away and back: the same image.
		if _, err := b.run(nil, map[string]string{"force": "1"}, "image_delete", id); err != nil {
			t.Fatal(err)
		}
		if _, err := b.run(nil, auth(), "pull", name+":v1"); err != nil {
			t.Fatal(err)
		}
		if img, err := b.Image(name + ":v1"); err != nil || img.ID != id {
			t.Errorf("%+v: %v %v", opt, img, err)
		}
	}
}

func TestPush_FaultsAndV1(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	b.add(peer.Host()+"/x:latest", "one")
	_, err := b.run(nil, nil, "push", peer.Host()+"/none")
	b.wantKind(err, errdefs.KindNotFound, "An image does not exist locally with the tag: "+peer.Host()+"/none")
	for i, fault := range []registrytest.Fault{ // each lets the next one come a step further
		{Method: "POST", Path: "/uploads/", Status: 403},
		{Method: "PATCH", CutAt0: true},
		{Method: "PUT", Path: "/uploads/", Status: 500},
		{Method: "PUT", Path: "/manifests/", Status: 500},
	} {
		peer.Fail(fault)
		if _, err := b.run(nil, nil, "push", peer.Host()+"/x:latest"); err == nil {
			t.Errorf("%d: it went well", i)
		}
		peer.Heal()
	}
	if _, err := b.run(nil, nil, "push", peer.Host()+"/x"); err != nil {
		t.Errorf("healed: %v", err)
	}

	ancient := registrytest.New(t, registrytest.Options{V1: true})
	id := b.add(ancient.Host()+"/team/v1:latest", "two")
	if _, err := b.run(nil, auth(), "push", ancient.Host()+"/team/v1:latest"); err != nil {
		t.Fatal(err)
	}
	if ancient.V1Tag("team/v1", "latest") == "" {
		t.Error("no tag")
	}
	if _, err := b.run(nil, nil, "image_delete", id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.run(nil, nil, "pull", ancient.Host()+"/team/v1:latest"); err != nil {
		t.Error(err)
	}
}

// A layer whose way was cut off is sent again.
func TestPush_SendsAgain(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	b.add(peer.Host()+"/x:latest", "one")
	for _, fault := range []registrytest.Fault{
		{Method: "PATCH", CutAt0: true, Times: 1}, {Method: "PATCH", Status: 503, Times: 1}, {Method: "PUT", Path: "/uploads/", Status: 502, Times: 6},
	} {
		peer.Fail(fault)
	}
	if out, err := b.run(nil, nil, "push", peer.Host()+"/x:latest"); err != nil || !strings.Contains(out, "Retrying") {
		t.Errorf("%q %v", out, err)
	}
	if n := peer.Uploads(); n > 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// So is the document behind the layers.
func TestPush_SendsTheDocumentAgain(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	b.add(peer.Host()+"/x:latest", "one")
	peer.Fail(registrytest.Fault{Method: "PATCH", Skip: 1, Times: 2, CutAt0: true})
	if out, err := b.run(nil, nil, "push", peer.Host()+"/x:latest"); err != nil {
		t.Errorf("%q %v", out, err)
	}
	if n := peer.Uploads(); n > 0 {
		t.Errorf("%d uploads are left", n)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:00"},"layers":[{"digest":"x","size":-1}]}`))
	f.Add([]byte(`{"schemaVersion":1,"fsLayers":[{"blobSum":""}],"history":[{"v1Compatibility":"{}"}]}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		m := registry.Manifest{MediaType: registry.TypeSchema1, Raw: raw}
		_, _ = parseManifest(m)
		_, _ = choosePlatform(m, nil)
		_, _ = parseSchema1(m)
	})
}

func TestDistributionInspect(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{Auth: "token"})
	b.eng.Replace("distribution_inspect", b.jobDistributionInspect)
	_, digest := publish(t, peer, "team/app", "v1", "a")
	out, err := b.run(nil, auth(), "distribution_inspect", peer.Host()+"/team/app:v1")
	var got distribution
	if err != nil || json.Unmarshal([]byte(out), &got) != nil || got.Descriptor.Digest != digest || len(got.Platforms) != 1 ||
		got.Platforms[0].Architecture != hostPlatform().Architecture {
		t.Errorf("%s %v", out, err)
	}
	_, err = b.run(nil, auth(), "distribution_inspect", peer.Host()+"/team/app")
	b.wantKind(err, errdefs.KindNotFound, "manifest unknown")
	b.nothing()
}
