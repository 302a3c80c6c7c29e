package server

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestServeHoldsRequestsUntilAcceptConnections(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "docker.sock")
	notify := filepath.Join(t.TempDir(), "notify")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	b.srv.opt.Getenv = func(k string) string { return map[string]string{"NOTIFY_SOCKET": notify}[k] }
	job, bound := up(t, b, nil, "unix://"+path)
	if bound[0] != "unix://"+path {
		t.Errorf("bound %q", bound)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("socket: %v %v", info, err)
	}
	answered := make(chan error, 1)
	go func() {
		resp, err := get(t, path, "/_ping")
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("answered before acceptconnections: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	for range 2 {
		if err := b.eng.Job("acceptconnections").Run(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 32)
	if n, err := ready.Read(buf); err != nil || string(buf[:n]) != "READY=1" {
		t.Errorf("notified %q, %v", buf[:n], err)
	}
	job.Cancel()
	if err := job.Wait(); err != nil {
		t.Errorf("serveapi: %v", err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}
