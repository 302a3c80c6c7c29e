package volumes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mount"
)

// mounted is a volume whose content is a file system of its own.
type mounted struct {
	users map[string]struct{} // who needs it mounted now
	done  bool
}

// checkOptions judges the options of the local driver: a file system type, its
// device and its mount options, as mount(8) takes them.
func checkOptions(options map[string]string) error {
	for name := range options {
		if name != "type" && name != "o" && name != "device" {
			return errdefs.InvalidArgument("invalid option: %q", name)
		}
	}
	for _, need := range []struct {
		has   string
		needs []string
	}{{"device", []string{"type"}}, {"type", []string{"device"}}, {"o", []string{"device", "type"}}} {
		if _, ok := options[need.has]; !ok {
			continue
		}
		for _, name := range need.needs {
			if _, ok := options[name]; !ok {
				return errdefs.InvalidArgument("missing required option: %q", name)
			}
		}
	}
	return nil
}

// foreign tells whether the content of a volume is mounted from elsewhere.
func (v *Volume) foreign() bool { return v.Options["type"] != "" }

// description is the mount of a volume with options. A server is named by its
// address, because the kernel does not look names up.
func (v *Volume) description(ctx context.Context) (mount.Mount, error) {
	m := mount.Mount{Type: v.Options["type"], Source: v.Options["device"]}
	if o := v.Options["o"]; o != "" {
		m.Options = strings.Split(o, ",")
	}
	for i, o := range m.Options {
		host, ok := strings.CutPrefix(o, "addr=")
		if !ok || net.ParseIP(host) != nil {
			continue
		}
		found, err := net.DefaultResolver.LookupIPAddr(ctx, host)
		if err != nil || len(found) == 0 {
			return m, errdefs.Unavailable("error resolving passed in network volume address %s: %w", host, err)
		}
		m.Options[i] = "addr=" + found[0].IP.String()
	}
	if m.Type == "none" && !slices.Contains(m.Options, "bind") && !slices.Contains(m.Options, "rbind") {
		return m, errdefs.InvalidArgument("the type none needs the option bind")
	}
	return m, nil
}

// Mount makes the content of a volume available to user, until Unmount. It costs
// nothing for a volume without options. A server that does not answer holds up
// no more than this call, and that only until ctx ends.
func (s *Store) Mount(ctx context.Context, name, user string) (first bool, err error) {
	v, err := s.Get(name)
	if err != nil || !v.foreign() {
		return false, err
	}
	release, err := s.lockUntil(ctx, name)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	m := s.mounts[name]
	if m == nil {
		m = &mounted{users: map[string]struct{}{}}
		s.mounts[name] = m
	}
	there := m.done
	s.mu.Unlock()
	if there {
		s.use(m, user)
		release()
		return false, nil
	}
	done := make(chan error, 1)
	go func() { // mount(2) takes no context; what comes of it late is undone below
		defer release()
		err := s.mountNow(ctx, v)
		if err == nil && ctx.Err() != nil {
			err = errors.Join(ctx.Err(), mount.Unmount(s.Path(name)))
		}
		if err == nil {
			s.mu.Lock()
			m.done = true
			m.users[user] = struct{}{}
			s.mu.Unlock()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return false, fmt.Errorf("mounting volume %s: %w", name, err)
		}
		return true, nil
	case <-ctx.Done():
		return false, errdefs.Unavailable("mounting volume %s: %s does not answer: %w", name, v.Options["device"], ctx.Err())
	}
}

func (s *Store) use(m *mounted, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.users[user] = struct{}{}
}

func (s *Store) mountNow(ctx context.Context, v *Volume) error {
	if isMountPoint(s.Path(v.Name)) {
		return nil // by an earlier daemon, which was killed
	}
	m, err := v.description(ctx)
	if err != nil {
		return err
	}
	return m.Perform(s.Path(v.Name))
}

// Unmount undoes a Mount. The last user takes the mount away.
func (s *Store) Unmount(name, user string) (last bool, err error) {
	s.mu.Lock()
	m := s.mounts[name]
	if m == nil {
		s.mu.Unlock()
		return false, nil
	}
	_, had := m.users[user]
	delete(m.users, user)
	idle := had && len(m.users) == 0
	s.mu.Unlock()
	if !idle {
		return false, nil
	}
	release := s.lock(name)
	defer release()
	s.mu.Lock()
	idle = len(m.users) == 0
	s.mu.Unlock()
	if !idle {
		return false, nil
	}
	return true, s.detach(name)
}

// detach takes the mount of a volume away. Its lock is held.
func (s *Store) detach(name string) error {
	s.mu.Lock()
	v := s.known[name]
	delete(s.mounts, name)
	s.mu.Unlock()
	if v == nil || !v.foreign() {
		return nil
	}
	return mount.Unmount(s.Path(name))
}

// Settle takes away what an earlier daemon has left mounted and nobody uses. Call
// it once the users that still run have mounted theirs again.
func (s *Store) Settle() error {
	var errs []error
	for _, v := range s.List() {
		s.mu.Lock()
		used := s.mounts[v.Name] != nil
		s.mu.Unlock()
		if v.foreign() && !used && isMountPoint(s.Path(v.Name)) {
			errs = append(errs, mount.Unmount(s.Path(v.Name)))
		}
	}
	return errors.Join(errs...)
}
