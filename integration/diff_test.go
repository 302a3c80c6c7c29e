package integration

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// changed is what a workload can do to the files of its image, each in a way
// that drivers write down differently.
const changed = `
	rm -rf /etc/network; mkdir /etc/network; echo new > /etc/network/only   # opaque
	mkdir -p /made/deep; echo x > /made/deep/file; mv /made /moved          # renamed before it is seen
	chmod 700 /root; chown 5:6 /home                                        # nothing but the inode
	rm /etc/group; rm -rf /var/spool                                        # deleted
	echo more >> /etc/passwd                                                # copied up
	touch -d '2001-01-01' /etc/shadow
	rm /etc/profile; mkdir /etc/profile; echo d > /etc/profile/now-a-dir    # of another kind
	rm -rf /mnt; ln -s /tmp /mnt
	ln /etc/passwd /etc/passwd2; mkfifo /fifo; echo gone > /gone; rm /gone; mv /home /house
	echo same > /tmp/.wh.looks-like-a-whiteout || true
	true`

// TestDiff_EveryDriver: what a container has changed, and the image that is made
// of it, do not depend on the driver that keeps its layers.
func TestDiff_EveryDriver(t *testing.T) {
	prepare := "mkdir -p /etc/network/if-up.d /var/spool/mail /mnt/old /home/user; for f in group passwd shadow profile network/interfaces network/if-up.d/x; do echo $f > /etc/$f; done; touch /var/spool/mail/box /mnt/old/f /home/user/f"
	list := []string{"run", "--rm", "made", "sh", "-c",
		`find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o ! -name resolv.conf ! -name hosts ! -name hostname -exec stat -c '%n %F %a %u:%g %h' {} + | sed '/ directory /s/ [0-9]*$//' | sort; cat /etc/passwd2 /etc/network/only /etc/profile/*`}
	answers := map[string][2]string{}
	for _, driver := range []string{"overlay", "vfs"} {
		d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Args: []string{"-s", driver}})
		d.Must(t, "run", "--name", "base", "busybox", "sh", "-c", prepare)
		d.Must(t, "commit", "base", "base")
		d.Must(t, "run", "-d", "--name", "box", "base", "sh", "-c", changed+"; touch /done; sleep 1000")
		d.Eventually(t, "/done", "exec", "box", "ls", "/done")
		live := d.Must(t, "diff", "box")
		d.Must(t, "stop", "-t", "0", "box")
		if idle := d.Must(t, "diff", "box"); idle != live {
			t.Errorf("%s: when it runs:\n%s\nwhen it does not:\n%s", driver, live, idle)
		}
		d.Must(t, "commit", "box", "made")
		answers[driver] = [2]string{live, d.Must(t, list...)}
	}
	for i, what := range []string{"diff", "image"} {
		if overlay, vfs := answers["overlay"][i], answers["vfs"][i]; overlay != vfs {
			t.Errorf("%s by overlay and not by vfs:\n%s\nby vfs and not by overlay:\n%s", what, minus(overlay, vfs), minus(vfs, overlay))
		}
	}
	for _, want := range []string{
		"C /etc", "D /etc/group", "C /etc/network", "A /etc/network/only", "D /etc/network/interfaces", "D /etc/network/if-up.d", "A /moved/deep/file",
		"C /root", "D /var/spool", "C /etc/passwd", "A /etc/passwd2", "C /etc/profile", "A /etc/profile/now-a-dir", "C /mnt", "D /home", "A /house/user/f", "A /fifo",
	} {
		if !strings.Contains("\n"+answers["overlay"][0]+"\n", "\n"+want+"\n") {
			t.Errorf("%s is missing in\n%s", want, answers["overlay"][0])
		}
	}
}

func minus(a, b string) string {
	var lines []string
	for line := range strings.SplitSeq(a, "\n") {
		if !strings.Contains("\n"+b+"\n", "\n"+line+"\n") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
