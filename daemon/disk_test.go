package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/runconfig"
)

// A configuration in two files, as it was kept once, is read; what is written
// then is one file that needs the other no more.
func TestLoad_HostConfigOfItsOwn(t *testing.T) {
	id := strings.Repeat("a", 64)
	dir := filepath.Join(t.TempDir(), id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		configFile: `{"Version":1,"ID":"` + id + `","Name":"/two","Config":{"Hostname":"h"}}`,
		hostFile:   `{"Memory":4194304}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := load(dir)
	if err != nil || s.host.Memory != 4<<20 || s.rec.Config.Hostname != "h" {
		t.Fatalf("%+v %v", s, err)
	}
	c := newContainer(dir, s)
	if _, err := c.update(func(s *snapshot) error {
		s.host = &runconfig.HostConfig{}
		s.host.Memory = 8 << 20
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := new(Daemon).saveConfig(c); err != nil {
		t.Fatal(err)
	}
	if s, err = load(dir); err != nil || s.host.Memory != 8<<20 {
		t.Errorf("after a change %+v %v", s.host, err)
	}
	if err := os.WriteFile(filepath.Join(dir, hostFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = load(dir); err != nil {
		t.Errorf("the file that nobody needs: %v", err)
	}
}

// Everybody who waits for a flush gets one that began after he came.
func TestDirSync(t *testing.T) {
	d := dirSync{dir: t.TempDir()}
	d.turn.Lock() // one is under way
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		wg.Go(func() { errs <- d.sync() })
	}
	for first := (*flush)(nil); first == nil; {
		d.mu.Lock()
		first = d.next
		d.mu.Unlock()
	}
	if len(errs) > 0 {
		t.Error("somebody did not wait")
	}
	d.turn.Unlock()
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if d.next != nil {
		t.Error("a flush is left")
	}
	if err := os.Remove(d.dir); err != nil {
		t.Fatal(err)
	}
	if d.sync() == nil {
		t.Error("a directory that is not there was flushed")
	}
}
