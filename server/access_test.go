package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// linesLog keeps what is logged.
type linesLog struct {
	noLog
	mu   sync.Mutex
	text strings.Builder
}

func (l *linesLog) Errorf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(errors.New(format).Error())
	for _, a := range args {
		if err, ok := a.(error); ok {
			l.text.WriteString(err.Error())
		}
	}
}

func TestAccessPolicyIsReloaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"rules": [{"clients": ["uid:1"], "allow": true}]}`)
	log := &linesLog{}
	s := newServer(t, Config{Access: path, Log: log})
	if err := s.SetAccess(context.Background()); err != nil {
		t.Fatal(err)
	}
	try := func(client string) error {
		ctx := engine.WithCaller(context.Background(), &engine.Caller{Client: client})
		return s.Engine().Job("commands").SetContext(ctx).Run()
	}
	want := func(one, two bool) {
		t.Helper()
		for client, may := range map[string]bool{"uid:1": one, "uid:2": two} {
			if err := try(client); (err == nil) != may || err != nil && !errdefs.Is(err, errdefs.KindForbidden) {
				t.Errorf("%s: %v", client, err)
			}
		}
	}
	want(true, false)
	write(`{"rules": [{"clients": ["uid:2"], "allow": true}]}`)
	want(true, false)
	if err := s.minor(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	want(false, true)
	write(`{"rules": [{"clients": ["uid:1"]}]}`) // decides nothing
	if err := s.minor(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	want(false, true)
	if text := log.text.String(); !strings.Contains(text, "rule 1 decides nothing") || !strings.Contains(text, "stays in force") {
		t.Errorf("log: %s", text)
	}
}

func TestBadAccessPolicyStopsTheStart(t *testing.T) {
	s := newServer(t, Config{Access: "/nowhere/access.json"})
	s.Use(Steps{{{Name: "access", Up: s.SetAccess}}})
	err := s.Start(context.Background())
	want := "starting access: reading access policy /nowhere/access.json: no such file or directory; name a file, or one of open and read-only"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Root: t.TempDir(), MaxReads: -1}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("a negative limit: %v", err)
	}
}

// TestReloadIsTold: the journal has what is in force after SIGHUP.
func TestReloadIsTold(t *testing.T) {
	s := newServer(t, Config{Labels: []string{"a=b"}, Log: &linesLog{}})
	calls := make(chan *engine.Job, 1)
	if err := s.Engine().Register("log", func(job *engine.Job) error { calls <- job; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.minor(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	job := <-calls
	attributes := map[string]string{}
	if err := job.GetenvJson("attributes", &attributes); err != nil {
		t.Fatal(err)
	}
	if job.Args[0] != "reload" || job.Getenv("type") != "daemon" || attributes["labels"] != `["a=b"]` || attributes["registry-mirrors"] != "[]" {
		t.Errorf("%v %v", job.Args, attributes)
	}
}
