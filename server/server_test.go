package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

func TestSignals(t *testing.T) {
	run := func(t *testing.T, slow time.Duration, signals ...os.Signal) ([]string, error) {
		s := newServer(t, Config{})
		seen := recording(s, 1, -1)
		ready := make(chan struct{})
		s.Use(append(s.steps, []Step{{"slow", func(context.Context) error {
			s.Engine().OnShutdown("slow", func(ctx context.Context) error {
				select {
				case <-time.After(slow):
				case <-ctx.Done():
				}
				return ctx.Err()
			})
			close(ready)
			return nil
		}}}))
		ch := make(chan os.Signal)
		result := make(chan error, 1)
		go func() { result <- s.Run(context.Background(), ch) }()
		<-ready
		for _, sig := range signals {
			select {
			case ch <- sig:
			case err := <-result:
				return seen(), err
			case <-time.After(5 * time.Second):
				t.Fatal("a signal was not taken")
			}
		}
		select {
		case err := <-result:
			return seen(), err
		case <-time.After(10 * time.Second):
			t.Fatal("Run did not return")
			return nil, nil
		}
	}
	t.Run("one stops", func(t *testing.T) {
		seen, err := run(t, 0, syscall.SIGHUP, syscall.SIGTERM)
		if err != nil || strings.Join(seen, " ") != "+0 -0" {
			t.Errorf("%v %v", err, seen)
		}
	})
	t.Run("two hurry", func(t *testing.T) {
		seen, err := run(t, time.Minute, syscall.SIGTERM, syscall.SIGINT)
		if !errors.Is(err, context.Canceled) || strings.Join(seen, " ") != "+0 -0" {
			t.Errorf("%v %v", err, seen)
		}
	})
	t.Run("quit", func(t *testing.T) {
		_, err := run(t, 0, syscall.SIGUSR1, syscall.SIGQUIT)
		var abandoned ErrAbandoned
		if !errors.As(err, &abandoned) || abandoned.Signal != syscall.SIGQUIT {
			t.Errorf("%v", err)
		}
	})
}

func TestThirdSignalGivesUp(t *testing.T) {
	s := newServer(t, Config{})
	release := make(chan struct{})
	defer close(release)
	work := make(chan error, 1)
	ch := make(chan os.Signal, 2)
	ch <- syscall.SIGTERM
	ch <- syscall.SIGTERM
	hurried := false
	_, err := s.await(work, ch, 1, func() { hurried = true })
	var abandoned ErrAbandoned
	if !errors.As(err, &abandoned) || !hurried {
		t.Errorf("%v, hurried %v", err, hurried)
	}
}

func TestPidfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "docker.pid")
	f, err := claimPidfile(path, 4242)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "4242" {
		t.Errorf("content %q", text)
	}
	_, err = claimPidfile(path, 1)
	if want := "pid file found, ensure docker is not running or delete " + path; err == nil || err.Error() != want {
		t.Errorf("a live pidfile was taken: %v", err)
	}
	_ = f.Close() // as a killed process does
	for _, stale := range []string{"", "garbage", "1", fmt.Sprint(os.Getpid()), strings.Repeat("9", 100)} {
		if err := os.WriteFile(path, []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := claimPidfile(path, 7)
		if err != nil {
			t.Errorf("stale %.10q: %v", stale, err)
			continue
		}
		if text, _ := os.ReadFile(path); string(text) != "7" {
			t.Errorf("stale %.10q: content %q", stale, text)
		}
		_ = f.Close()
	}
}

func TestRootIsLockedAndItsTempEmptied(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	if err := os.MkdirAll(filepath.Join(root, "tmp", "left", "over"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := root + "-link"
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Root: link, Euid: func() int { return 0 }}
	first, second := newServer(t, cfg), newServer(t, cfg)
	ctx := context.Background()
	if err := first.OpenRoot(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.OpenRoot(ctx); !errdefs.IsConflict(err) {
		t.Errorf("two daemons on one root: %v", err)
	}
	if err := first.Close(ctx); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 1 || entries[0].Name() != "tmp" {
		t.Errorf("left in the root: %v %v", entries, err)
	}
	if left, _ := os.ReadDir(filepath.Join(root, "tmp")); len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
	third := newServer(t, cfg)
	if err := third.OpenRoot(ctx); err != nil {
		t.Errorf("after a close: %v", err)
	}
	nobody := newServer(t, Config{Euid: func() int { return 1000 }})
	if err := nobody.OpenRoot(ctx); !errdefs.Is(err, errdefs.KindForbidden) {
		t.Errorf("without rights: %v", err)
	}
}

func TestIdentityIsKept(t *testing.T) {
	for _, name := range []string{"key.json", "key.pem"} {
		path := filepath.Join(t.TempDir(), "docker", name)
		var ids []string
		for range 2 {
			s := newServer(t, Config{TrustKey: path})
			if err := s.LoadIdentity(context.Background()); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, s.parts.id)
		}
		if ids[0] != ids[1] || len(strings.Split(ids[0], ":")) != 12 {
			t.Errorf("ids %q", ids)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, []byte(`{"kty":"EC"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newServer(t, Config{TrustKey: path}).LoadIdentity(context.Background()); err == nil {
		t.Error("a damaged key was accepted")
	}
}

func TestConfig(t *testing.T) {
	for text, cfg := range map[string]Config{
		"needs a root":       {},
		"mutually exclusive": {Root: "/r", Network: Network{Bridge: "b", BridgeIP: "10.0.0.1/8"}},
		"--icc=false":        {Root: "/r", Network: Network{NoFirewall: true, NoICC: true}},
		"KEY=VALUE":          {Root: "/r", StorageOpts: []string{"x"}},
	} {
		if _, err := New(cfg); !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
