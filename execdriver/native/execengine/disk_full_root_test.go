package execengine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestLog_DiskFull fills the disk by the log: the workload goes on, it is said
// once, what is in the log is whole entries, and when there is room again the
// log goes on. With rotation there is always room.
func TestLog_DiskFull(t *testing.T) {
	testutil.RequiresRoot(t)
	for _, driver := range []string{logdriver.JSONFile, logdriver.Local} {
		for _, size := range []int64{0, 200_000} {
			t.Run(fmt.Sprintf("%s-%d", driver, size), func(t *testing.T) { fillDisk(t, driver, size) })
		}
	}
}

func fillDisk(t *testing.T, driver string, size int64) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	spec := &logdriver.Spec{Driver: driver, Path: filepath.Join(dir, "log"), MaxSize: size, MaxFile: 3}
	j, err := newJournal()
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	log, err := openLog(spec, make(chan struct{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := newStream(0, false, r, j, log)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	said := 0
	go s.run(func(string, ...any) { mu.Lock(); said++; mu.Unlock() })
	if err := w.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Log("the workload may hang: ", err)
	}
	for i := range 50_000 {
		if _, err := fmt.Fprintf(w, "line %d %s\n", i, strings.Repeat("x", 60)); err != nil {
			t.Fatalf("the workload hangs after %d lines: %v", i, err)
		}
	}
	if size == 0 {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=20m"); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(w, "the last")
	w.Close()
	<-s.done
	var text string
	read := 0
	err = logdriver.Read(t.Context(), log.format, spec, logdriver.ReadOptions{Tail: -1}, func(e *logdriver.Entry) error {
		text = string(e.Text)
		if !strings.HasSuffix(text, "x\n") && text != "the last\n" {
			return fmt.Errorf("entry %d is %q", read, text)
		}
		read++
		return nil
	})
	if err != nil || read < 1000 || text != "the last\n" {
		t.Errorf("%d entries, the last is %q, %v", read, text, err)
	}
	if want := map[bool]int{true: 1, false: 0}[size == 0]; said != want {
		t.Errorf("it was said %d times, want %d", said, want)
	}
}
