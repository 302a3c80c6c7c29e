//go:build linux

package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/enginejobs/docker/image"
)

// TestPublish_Incremental: a snapshot made from the one before is what it would
// be if it were made anew.
func TestPublish_Incremental(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	s := &Store{}
	images, refs := map[string]*image.Image{}, map[string]string{}
	s.publish(images, refs)
	for step := range 400 {
		images, refs = maps.Clone(s.current.Load().images), maps.Clone(s.current.Load().refs)
		adds := 1
		if step%50 == 0 {
			adds = 20
		}
		for range adds {
			at := time.Unix(rnd.Int64N(40), 0)
			img, err := image.New(image.Document{Created: &at, Author: fmt.Sprint(rnd.IntN(60))})
			if err != nil {
				t.Fatal(err)
			}
			for parent := range images {
				if rnd.IntN(3) == 0 {
					img.Parent = parent
				}
				break
			}
			if images[img.ID] == nil {
				images[img.ID] = img
			}
		}
		for id := range images {
			switch name := fmt.Sprintf("docker.io/library/n%d:latest", rnd.IntN(20)); rnd.IntN(6) {
			case 0:
				refs[name] = id
			case 1:
				refs["docker.io/library/d@"+image.Digest([]byte(name))] = id
			case 2:
				delete(refs, name)
			case 3:
				delete(images, id)
				maps.DeleteFunc(refs, func(_, of string) bool { return of == id })
			}
			if rnd.IntN(2) == 0 {
				break
			}
		}
		s.publish(images, refs)
		fresh := &Store{}
		fresh.publish(images, refs)
		got, want := s.current.Load(), fresh.current.Load()
		if !slices.Equal(got.hexes, want.hexes) || len(got.newest) != len(want.newest) || len(got.images) != len(want.images) {
			t.Fatalf("step %d: %v, want %v", step, got.hexes, want.hexes)
		}
		for i, w := range want.newest {
			g := got.newest[i]
			if g.ID != w.ID || got.images[g.ID] != g || !slices.Equal(g.RepoTags, w.RepoTags) || !slices.Equal(g.RepoDigests, w.RepoDigests) {
				t.Fatalf("step %d: %s %v %v, want %s %v %v", step, g.ID, g.RepoTags, g.RepoDigests, w.ID, w.RepoTags, w.RepoDigests)
			}
		}
		for parent, list := range want.children {
			g := slices.Clone(got.children[parent])
			slices.Sort(g)
			slices.Sort(list)
			if !slices.Equal(g, list) {
				t.Fatalf("step %d: children %v, want %v", step, g, list)
			}
		}
	}
}
