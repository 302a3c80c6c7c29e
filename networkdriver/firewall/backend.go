//go:build linux

package firewall

// backend writes what should be in the kernel. Calls come one after another.
// Each change happens as a whole or not at all.
type backend interface {
	// name is what Options.Backend calls it.
	name() string
	// inherited lists the redirections that a predecessor left, without bridges.
	inherited() ([]Port, error)
	// write replaces all that is there by what should be there.
	write(s *state) error
	// apply takes a step. s is the state after it.
	apply(c *change, s *state) error
	// verify tells whether the kernel has exactly what should be there.
	verify(s *state) (bool, error)
	// others names what drops packets of bridges that we accept, with a remedy.
	// Looking everywhere may run a program.
	others(bridges []string, everywhere bool) []string
	// remove deletes all that is ours; what is not there is no error.
	remove() error
	// close gives sockets back.
	close() error
}

// none writes nothing: the administrator does it, or nobody.
type none struct{}

func (none) name() string                   { return None }
func (none) inherited() ([]Port, error)     { return nil, nil }
func (none) write(*state) error             { return nil }
func (none) apply(*change, *state) error    { return nil }
func (none) verify(*state) (bool, error)    { return true, nil }
func (none) others([]string, bool) []string { return nil }
func (none) remove() error                  { return nil }
func (none) close() error                   { return nil }
