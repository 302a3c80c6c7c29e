package server

import (
	"cmp"
	"testing"

	"github.com/enginejobs/docker/engine"
)

// TestImages_Told: below 1.43 images without a name have one that says so, and below
// 1.44 the size is there twice.
func TestImages_Told(t *testing.T) {
	for path, want := range map[string]string{"/v1.6": "1 -", "/v1.42": "1 -", "/v1.43": " -", "/v1.44": " 0", "": " 0"} {
		got := "no job"
		b := newBench(t)
		b.fake("images", "[]\n").Do = func(job *engine.Job) error {
			got = job.Getenv("untagged") + " " + cmp.Or(job.Getenv("virtual-size"), "-")
			return nil
		}
		if w := b.do("GET", path+"/images/json", ""); w.Code != 200 || got != want {
			t.Errorf("%s: %d, untagged and virtual-size %q, want %q", path, w.Code, got, want)
		}
	}
}
