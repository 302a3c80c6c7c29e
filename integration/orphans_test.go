package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// reapOrphans makes the test the parent of containers that have lost daemon and
// exec engine, and collects them when they end. That is the work of process 1,
// but in a container the one that is there may take seconds for it.
func reapOrphans(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				collectOrphans()
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); err != nil {
			t.Error(err)
		}
	})
}

// collectOrphans collects the ended children that this test has not started:
// those of other pid namespaces, and exec engines.
func collectOrphans() {
	lists, _ := filepath.Glob("/proc/self/task/*/children") // no such file: no children
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%s/status", field))
			if !strings.Contains(string(status), "\nState:\tZ") {
				continue
			}
			_, after, _ := strings.Cut(string(status), "\nNSpid:")
			line, _, _ := strings.Cut(after, "\n")
			if len(strings.Fields(line)) > len(strings.Fields(ownNSpid())) || strings.HasPrefix(string(status), "Name:\tdockerinit") {
				pid, _ := strconv.Atoi(field)
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // somebody may have been faster
			}
		}
	}
}

func ownNSpid() string {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "\nNSpid:")
	line, _, _ := strings.Cut(after, "\n")
	return line
}
