package execdriver

import "github.com/enginejobs/docker/pkg/cgroups"

// What a container uses, and limits of single devices, are described as control
// groups do; drivers without them speak the same words.
type (
	// Stats is one sample of what a container uses.
	Stats = cgroups.Stats
	// BlkioStats has the tables of block input and output.
	BlkioStats = cgroups.BlkioStats
	// BlkioEntry is one number of such a table.
	BlkioEntry = cgroups.BlkioEntry
	// WeightDevice is the share of a block device.
	WeightDevice = cgroups.WeightDevice
	// ThrottleDevice is a rate of a block device.
	ThrottleDevice = cgroups.ThrottleDevice
)
