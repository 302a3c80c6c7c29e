package networks

import (
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// List gives all networks, by name.
func (m *Manager) List() []networkdriver.Definition {
	m.mu.Lock()
	list := make([]networkdriver.Definition, 0, len(m.networks))
	for _, n := range m.networks {
		if !n.busy {
			list = append(list, n.def)
		}
	}
	m.mu.Unlock()
	slices.SortFunc(list, func(a, b networkdriver.Definition) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Find gives a network by name, id or the beginning of an id.
func (m *Manager) Find(ref string) (networkdriver.Definition, error) {
	n, err := m.find(ref)
	if err != nil {
		return networkdriver.Definition{}, err
	}
	return n.def, nil
}

// Used tells how many containers are on a network.
func (m *Manager) Used(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.networks[id]; n != nil {
		return len(n.users)
	}
	return 0
}

func (m *Manager) find(ref string) (*network, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.networks[ref]
	if n == nil {
		n = m.names[ref]
	}
	if n == nil && ref != "" {
		for id, candidate := range m.networks {
			if !strings.HasPrefix(id, ref) {
				continue
			}
			if n != nil {
				return nil, errdefs.InvalidArgument("network %s is ambiguous (2 matches found on ID prefix)", ref)
			}
			n = candidate
		}
	}
	if n == nil || n.fresh {
		return nil, networkdriver.NoNetwork(ref)
	}
	return n, nil
}
