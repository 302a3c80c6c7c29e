package client

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
)

// What the user's configuration says of formats and of filters counts where the
// command line says nothing.
func TestConfiguredFormats(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"psFormat":"{{.Names}}!","imagesFormat":"table {{.Tag}}",
		"networksFormat":"{{.Name}}?","volumesFormat":"{{.Name}}","statsFormat":"{{.PIDs}}","pruneFilters":["label!=keep","label=a","bad"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newFake(t)
	d.routes["GET /containers/json"] = answer([]api.ContainerSummary{{Id: testID, Names: []string{"/web"}}})
	d.routes["GET /images/json"] = answer([]api.ImageSummary{{Id: "sha256:" + testID, RepoTags: []string{"a:b"}}})
	d.routes["GET /networks"] = answer([]api.Network{{Name: "n"}})
	d.routes["GET /volumes"] = answer(api.VolumeList{Volumes: []api.Volume{{Name: "v"}}})
	d.routes["POST /containers/prune"] = answer(api.ContainersPruned{})
	config := "--config " + dir + " "
	docker(t, d, "", config+"ps").want(t, 0, "web!\n", "")
	docker(t, d, "", config+"ps -q").want(t, 0, testID[:12]+"\n", "")
	docker(t, d, "", config+"ps --format {{.ID}}").want(t, 0, testID[:12]+"\n", "")
	docker(t, d, "", config+"images").want(t, 0, "TAG\nb\n", "")
	docker(t, d, "", config+"network ls").want(t, 0, "n?\n", "")
	docker(t, d, "", config+"volume ls").want(t, 0, "v\n", "")
	for line, filters := range map[string]string{
		"container prune -f":                       `{\"label\":[\"a\"],\"label!\":[\"keep\"]}`,
		"container prune -f --filter label=keep":   `{\"label\":[\"keep\",\"a\"]}`,
		"container prune -f --filter label!=a":     `{\"label!\":[\"a\",\"keep\"]}`,
		"container prune -f --filter label!=keep ": `{\"label\":[\"a\"],\"label!\":[\"keep\"]}`,
	} {
		docker(t, d, "", config+line).want(t, 0, "Total reclaimed space: 0B\n", "")
		if seen := d.log(); !strings.HasSuffix(seen[len(seen)-1], `{"filters":["`+filters+`"]}`) {
			t.Errorf("%s: %s", line, seen[len(seen)-1])
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := "reading auths of " + dir + "/config.json: number is not what belongs there (at byte 1)\n"
	docker(t, d, "", config+"ps -q").want(t, 0, testID[:12]+"\n", "WARNING: Error loading config file: "+broken)
	docker(t, d, "", config+"network ls --format {{.Name}}").want(t, 0, "n\n", "WARNING: Error loading config file: "+broken)
	docker(t, d, "", config+"container prune -f").want(t, 1, "", "WARNING: Error loading config file: "+broken+broken) // filters may spare something
}
