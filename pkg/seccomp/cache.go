package seccomp

import (
	"crypto/sha256"
	"strings"
	"sync"
)

// Cache compiles each combination of profile and capabilities once. The zero
// value is ready. It is safe for concurrent use.
type Cache struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]*cached
}

type cached struct {
	once   sync.Once
	filter Filter
	err    error
}

// Compile is Compile with a memory. The program must not be changed.
func (c *Cache) Compile(profile string, capabilities []string) (Filter, error) {
	key := sha256.Sum256([]byte(strings.Join(capabilities, ",") + "\n" + profile))
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		if c.entries == nil {
			c.entries = make(map[[sha256.Size]byte]*cached)
		}
		e = new(cached)
		c.entries[key] = e
	}
	c.mu.Unlock()
	e.once.Do(func() { e.filter, e.err = Compile(profile, capabilities) })
	return e.filter, e.err
}
