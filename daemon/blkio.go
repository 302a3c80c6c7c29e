package daemon

import (
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

func checkBlkio(h *runconfig.HostConfig) error {
	if h.BlkioWeight != 0 && (h.BlkioWeight < 10 || h.BlkioWeight > 1000) {
		return errdefs.InvalidArgument("Range of blkio weight is from 10 to 1000")
	}
	for _, w := range h.BlkioWeightDevice {
		if w.Weight < 10 || w.Weight > 1000 {
			return errdefs.InvalidArgument("Range of blkio weight is from 10 to 1000: %s has %d", w.Path, w.Weight)
		}
	}
	return nil
}

// blkioDevices turns the paths of block devices into numbers.
func blkioDevices(h *runconfig.HostConfig, r *execdriver.Resources) error {
	for _, w := range h.BlkioWeightDevice {
		major, minor, err := blockDevice(w.Path)
		if err != nil {
			return err
		}
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, execdriver.WeightDevice{Major: major, Minor: minor, Weight: w.Weight})
	}
	for _, t := range []struct {
		from []runconfig.ThrottleDevice
		to   *[]execdriver.ThrottleDevice
	}{
		{h.BlkioDeviceReadBps, &r.BlkioDeviceReadBps}, {h.BlkioDeviceWriteBps, &r.BlkioDeviceWriteBps},
		{h.BlkioDeviceReadIOps, &r.BlkioDeviceReadIOps}, {h.BlkioDeviceWriteIOps, &r.BlkioDeviceWriteIOps},
	} {
		for _, d := range t.from {
			major, minor, err := blockDevice(d.Path)
			if err != nil {
				return err
			}
			*t.to = append(*t.to, execdriver.ThrottleDevice{Major: major, Minor: minor, Rate: d.Rate})
		}
	}
	return nil
}

// blockDevice is the number of a block device of the host.
func blockDevice(path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, errdefs.InvalidArgument("limiting block device %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, 0, errdefs.InvalidArgument("limiting block device %s: it is not a block device", path)
	}
	dev := uint64(st.Rdev) //nolint:unconvert // differs by platform
	return int64(unix.Major(dev)), int64(unix.Minor(dev)), nil
}
