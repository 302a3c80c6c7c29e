package native

import (
	"bufio"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver"
)

// Who is attached when the exec engine is killed goes on receiving: those who
// came with the start, those who came later, on a terminal and on pipes.
func TestExecEngineIsKilled_ReceiversGoOn(t *testing.T) {
	for _, tty := range []bool{false, true} {
		t.Run(fmt.Sprintf("tty=%t", tty), func(t *testing.T) {
			b := newBench(t)
			d := b.open()
			pipe := func() (*bufio.Scanner, execdriver.Output) {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { r.Close() })
				_ = r.SetReadDeadline(time.Now().Add(20 * time.Second))
				return bufio.NewScanner(r), execdriver.Output{Stdout: w}
			}
			cmd := b.command("sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i; usleep 5000; done")
			cmd.Process.Tty = tty
			first, out := pipe()
			if _, err := d.Start(t.Context(), cmd, out); err != nil {
				t.Fatal(err)
			}
			later, out := pipe()
			if err := d.Attach(t.Context(), cmd.ID, out); err != nil {
				t.Fatal(err)
			}
			gone, out := pipe()
			if err := d.Attach(t.Context(), cmd.ID, out); err != nil {
				t.Fatal(err)
			}
			_ = gone
			if !first.Scan() {
				t.Fatal(first.Err())
			}
			if err := unix.Kill(engineOf(t, d), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			for name, lines := range map[string]*bufio.Scanner{"first": first, "later": later} {
				last := 0
				for lines.Scan() {
					var n int
					if _, err := fmt.Sscan(lines.Text(), &n); err != nil {
						t.Fatal(err)
					}
					if last != 0 && n > last+2 { // what was read at the very moment of the kill is in the log only
						t.Errorf("%s: %d comes after %d", name, n, last)
					}
					last = n
				}
				if last != 300 {
					t.Errorf("%s ends with %d: %v", name, last, lines.Err())
				}
			}
			h, err := d.get(cmd.ID)
			if err != nil {
				t.Fatal(err)
			}
			b.until("letting go of the receivers", func() error {
				h.mu.Lock()
				defer h.mu.Unlock()
				if len(h.receivers) > 0 {
					return fmt.Errorf("%d are held", len(h.receivers))
				}
				return nil
			})
		})
	}
}

// A client that has left costs no descriptor after the next one came.
func TestReceivers_ThoseWhoLeftAreDropped(t *testing.T) {
	h := newHeld("x")
	defer h.close()
	for range 5 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.hold(execdriver.Output{Stdout: w}); err != nil {
			t.Fatal(err)
		}
		r.Close()
		w.Close()
	}
	if n := len(h.receivers); n != 1 {
		t.Errorf("%d receivers are held, want 1", n)
	}
}
