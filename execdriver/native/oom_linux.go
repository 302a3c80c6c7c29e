package native

// OnOOM sets the receiver of kills for lack of memory.
func (d *Driver) OnOOM(f func(id string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onOOM = f
}

// oom tells of a kill.
func (d *Driver) oom(id string) {
	d.mu.Lock()
	f := d.onOOM
	d.mu.Unlock()
	if f != nil {
		f(id)
	}
}

// watchOOM looks for kills in a container until it has ended. It runs without
// that just as well.
func (d *Driver) watchOOM(h *held) {
	group := h.group()
	if group == nil {
		return
	}
	if err := d.ooms.Add(h.id, group); err != nil && h.running() {
		d.logf("container %s: lack of memory is told at its end only: %v", h.id, err)
	}
	if !h.running() {
		d.ooms.Remove(h.id)
	}
}
