package remote

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// A session must write to the descriptor itself, also when its first bytes came
// together with the answer to Upgrade; else it copies and sets deadlines.
func TestUpgradedConnectionKeepsItsDescriptor(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = io.WriteString(conn, "answer\nahead")
			conn.Close()
		}
	}()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	rw := upgraded(conn, r)
	if _, ok := rw.(syscall.Conn); !ok {
		t.Errorf("%T is no syscall.Conn", rw)
	}
	if rest, err := io.ReadAll(rw); err != nil || string(rest) != "ahead" {
		t.Errorf("read %q, %v", rest, err)
	}
}
