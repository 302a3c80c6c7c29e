package seccomp

import (
	"crypto/sha256"
	"strings"
	"sync"
)

// cacheSize bounds the filters that are kept (each has a few KB).
const cacheSize = 128

// Cache compiles each combination of profile and capabilities once, and forgets
// any one of them for a new one when there are cacheSize. The zero value is
// ready. It is safe for concurrent use.
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
		for other := range c.entries {
			if len(c.entries) < cacheSize {
				break
			}
			delete(c.entries, other)
		}
		e = new(cached)
		c.entries[key] = e
	}
	c.mu.Unlock()
	e.once.Do(func() { e.filter, e.err = Compile(profile, capabilities) })
	return e.filter, e.err
}
