package integration

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kr/pty"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// terminal is a client on a real pseudo-terminal, typed at like a person does.
type terminal struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File

	mu     sync.Mutex
	screen strings.Builder
	seen   int // what expect has already matched
	done   chan struct{}
}

func openTerminal(t *testing.T, d *daemonproc.Daemon, bin string, args ...string) *terminal {
	t.Helper()
	term := &terminal{t: t, cmd: d.Command(t.Context(), bin, args...), done: make(chan struct{})}
	tty, err := pty.StartWithSize(term.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	term.tty = tty
	go func() { // ends when the client does: the terminal hangs up
		defer close(term.done)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			term.mu.Lock()
			term.screen.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		tty.Close()
		<-term.done
	})
	return term
}

// kind types keys.
func (c *terminal) kind(keys string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(keys); err != nil {
		c.t.Fatalf("typing %q: %v", keys, err)
	}
}

// expect waits for new output that matches.
func (c *terminal) expect(want string) {
	c.t.Helper()
	re := regexp.MustCompile(want)
	if !daemonproc.Poll(10*time.Second, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		at := re.FindStringIndex(c.screen.String()[c.seen:])
		if at != nil {
			c.seen += at[1]
		}
		return at != nil
	}) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.t.Fatalf("the terminal never shows %q after %q", want, c.screen.String()[c.seen:])
	}
}

// exit waits for the client to end with a code.
func (c *terminal) exit(want int) {
	c.t.Helper()
	ended := make(chan struct{})
	go func() {
		c.cmd.Wait() // the code is checked
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.t.Fatalf("the client does not end; the terminal shows %q", c.screen.String())
	}
	if got := c.cmd.ProcessState.ExitCode(); got != want {
		c.t.Errorf("exit code %d, want %d", got, want)
	}
}

// TestTerminal is a person with a shell in a container: with our client and
// with the official one.
func TestTerminal(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	for name, bin := range map[string]string{"ours": d.Bin, "official": daemonproc.MustAsset(t, "client")} {
		t.Run(name, func(t *testing.T) { typeAtShell(t, d, bin, "busybox", "sh") })
		t.Run(name+"_detach", func(t *testing.T) { detachAndReturn(t, d, bin) })
	}
}

func typeAtShell(t *testing.T, d *daemonproc.Daemon, bin, image, shell string) {
	term := openTerminal(t, d, bin, "run", "-it", "--rm", "-e", "PS1=prompt> ", image, shell)
	term.expect("prompt> ")
	term.kind("tty; echo $TERM\r")
	term.expect("/dev/(pts/0|console)")
	term.expect("xterm")
	// size, and resize
	term.kind("stty size\r")
	term.expect("24 80")
	if err := pty.Setsize(term.tty, &pty.Winsize{Rows: 33, Cols: 99}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // the signal has to travel
	term.kind("stty size\r")
	term.expect("33 99")
	// Ctrl-C ends the program, not the shell
	term.kind("sleep 1000\r")
	time.Sleep(300 * time.Millisecond)
	term.kind("\x03")
	term.expect("prompt> ")
	term.kind("echo code $?\r")
	term.expect("code 130")
	// job control: Ctrl-Z stops, jobs lists, fg continues
	term.kind("sleep 1000\r")
	time.Sleep(300 * time.Millisecond)
	term.kind("\x1a")
	term.expect("Stopped")
	term.kind("jobs\r")
	term.expect("Stopped")
	term.kind("fg\r")
	term.expect("\nsleep 1000")
	time.Sleep(300 * time.Millisecond)
	term.kind("\x03")
	term.expect("prompt> ")
	term.kind("echo fg $?\r")
	term.expect("\nfg 130")
	term.kind("exit 3\r")
	term.exit(3)
}

func detachAndReturn(t *testing.T, d *daemonproc.Daemon, bin string) {
	term := openTerminal(t, d, bin, "run", "-it", "--name", "kept", "-e", "PS1=prompt> ", "busybox", "sh")
	term.expect("prompt> ")
	term.kind("A=remembered\r")
	term.expect("prompt> ")
	term.kind("\x10\x11") // Ctrl-P Ctrl-Q
	term.exit(0)
	if got := d.Must(t, "inspect", "-f", "{{.State.Running}}", "kept"); got != "true" {
		t.Fatalf("detached container: running is %s", got)
	}
	again := openTerminal(t, d, bin, "attach", "kept")
	again.kind("echo $A\r")
	again.expect("\nremembered")
	again.kind("exit 4\r")
	again.exit(4)
	d.Must(t, "rm", "kept")
}

// TestDebian is the same in a Debian root with bash.
func TestDebian(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoImage: true})
	if err := d.ImportDebian(); err != nil {
		t.Fatal(err)
	}
	if got := d.Must(t, "run", "--rm", "debian", "sh", "-c", ". /etc/os-release; echo $ID"); got != "debian" {
		t.Errorf("os-release: %q", got)
	}
	term := openTerminal(t, d, d.Bin, "run", "-it", "--rm", "debian", "bash", "--norc")
	term.kind("PS1='prompt> '\r")
	term.expect(`[\nh]prompt> `) // bash may have turned on bracketed paste before it
	term.kind("stty size\r")
	term.expect("24 80")
	term.kind("sleep 1000\r")
	time.Sleep(300 * time.Millisecond)
	term.kind("\x03")
	term.expect("prompt> ")
	term.kind("sleep 1000 &\r")
	term.expect("prompt> ")
	term.kind("jobs\r")
	term.expect("Running")
	term.kind("kill %1; exit 3\r")
	term.exit(3)
	if got := d.Must(t, "run", "--rm", "-u", "www-data", "debian", "id", "-un"); got != "www-data" {
		t.Errorf("user: %q", got)
	}
}
