//go:build linux

package daemontest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// DockerinitVariable is the environment variable that names the program
// dockerinit for tests that cannot build it.
const DockerinitVariable = "ENGINEJOBS_DOCKERINIT"

// module is where the programs below are, under whatever name a go.mod knows it.
const module = "github.com/enginejobs/docker"

// programs are what real containers need beside the test binary. They are built
// with the go command from the same version of the module that the test is built
// with, the first time into a directory of the user's cache, then found there.
// sweeper and box are empty when only dockerinit is given.
type programs struct {
	dockerinit string // the exec engine and init of containers
	sweeper    string // the watcher
	box        string // the image "box"
}

// findPrograms gives the programs, or says what to do.
func findPrograms(dockerinit string) (*programs, error) {
	if dockerinit == "" {
		dockerinit = os.Getenv(DockerinitVariable)
	}
	p, err := buildPrograms()
	switch {
	case err == nil && dockerinit == "":
		return p, nil
	case err == nil:
		return &programs{dockerinit, p.sweeper, p.box}, nil
	case dockerinit != "":
		return &programs{dockerinit: dockerinit}, nil
	}
	return nil, fmt.Errorf("building dockerinit for real containers: %w; run the test with the go command at hand, "+
		"or name the program in %s, or use the option Fake", err, DockerinitVariable)
}

// buildPrograms builds once in a process.
var buildPrograms = sync.OnceValues(func() (*programs, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("cache-%d", os.Geteuid()))
	}
	cache = filepath.Join(cache, "enginejobs", "daemontest")
	if released := version(); released != "" {
		dir := filepath.Join(cache, key(released))
		if p, err := programsIn(dir); err == nil {
			return p, nil
		}
	}
	where, err := os.Getwd() // go test runs a package in its directory
	if err != nil {
		return nil, err
	}
	return build(cache, where)
})

// version identifies a released version of the module, whose sources never
// change. It is empty for a working tree.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Replace != nil && dep.Path == module {
			dep = dep.Replace
		}
		if dep.Path == module && dep.Sum != "" {
			return dep.Version + " " + dep.Sum
		}
	}
	return ""
}

func key(s string) string {
	sum := sha256.Sum256([]byte(s + " " + runtime.Version() + " " + runtime.GOARCH))
	return hex.EncodeToString(sum[:10])
}

// build runs the go command in a directory that stays, where it does nothing for
// what is up to date, and keeps the result under a name of its content, which is
// never written again: a program that runs could not be.
func build(cache, where string) (*programs, error) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	work := filepath.Join(cache, "work-"+key(where))
	if err := os.MkdirAll(work, 0o700); err != nil {
		return nil, err
	}
	now := time.Now()
	if err := os.Chtimes(work, now, now); err != nil { // in use, see prune
		return nil, err
	}
	lock, err := os.Open(work)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking %s: %w", work, err)
	}
	cmd := exec.Command(goTool, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-tags=netgo,osusergo", "-o", work+"/",
		module+"/dockerinit", module+"/server/daemontest/sweeper", module+"/server/daemontest/box")
	cmd.Dir = where
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+modFlags(os.Getenv("GOFLAGS")))
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args[:2], " "), err, out)
	}
	name := version()
	if name == "" {
		if name, err = content(work); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(cache, key(name))
	if p, err := programsIn(dir); err == nil {
		return p, nil
	}
	return keep(work, dir)
}

var programNames = [...]string{"dockerinit", "sweeper", "box"}

// content identifies what was built.
func content(dir string) (string, error) {
	sum := sha256.New()
	for _, name := range programNames {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// keep copies the programs to their place in one step.
func keep(work, dir string) (*programs, error) {
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return nil, err
	}
	for _, name := range programNames {
		text, err := os.ReadFile(filepath.Join(work, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(fresh, name), text, 0o700) //nolint:gosec // a program
		}
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(fresh))
		}
	}
	if err := os.Rename(fresh, dir); err != nil { // somebody else was faster
		if err := os.RemoveAll(fresh); err != nil {
			return nil, err
		}
	}
	if err := prune(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	return programsIn(dir)
}

// unused is how long programs are kept that nobody asks for.
const unused = 7 * 24 * time.Hour

// prune removes programs of versions that are not in use any more. A process
// that still runs one of them does not notice.
func prune(cache string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unused {
			errs = append(errs, os.RemoveAll(filepath.Join(cache, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func programsIn(dir string) (*programs, error) {
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // marks it as used, see prune; where it is missing that shows next
	for _, name := range programNames {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return &programs{filepath.Join(dir, "dockerinit"), filepath.Join(dir, "sweeper"), filepath.Join(dir, "box")}, nil
}

// modFlags keeps of the user's flags those that choose modules; others (-race,
// -cover) are for the test.
func modFlags(flags string) string {
	var kept []string
	for _, f := range strings.Fields(flags) {
		if strings.HasPrefix(strings.TrimLeft(f, "-"), "mod") {
			kept = append(kept, f)
		}
	}
	return strings.Join(kept, " ")
}
