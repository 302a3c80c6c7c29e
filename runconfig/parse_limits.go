package runconfig

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

func (f *Flags) parseLimits(_ *Config, h *HostConfig, _ Lookup) error {
	sizes := []struct {
		text string
		into *int64
	}{
		{f.memory, &h.Memory}, {f.memoryReservation, &h.MemoryReservation}, {f.kernelMemory, &h.KernelMemory},
	}
	var err error
	for _, s := range sizes {
		if s.text == "" {
			continue
		}
		if *s.into, err = ParseSize(s.text); err != nil {
			return err
		}
	}
	switch f.memorySwap {
	case "":
	case "-1":
		h.MemorySwap = -1
	default:
		if h.MemorySwap, err = ParseSize(f.memorySwap); err != nil {
			return err
		}
	}
	h.CpuShares, h.CpuPeriod, h.CpuQuota = f.cpuShares, f.cpuPeriod, f.cpuQuota
	h.CpuRealtimePeriod, h.CpuRealtimeRuntime = f.cpuRtPeriod, f.cpuRtRuntime
	h.CpusetCpus, h.CpusetMems, h.CgroupParent = f.cpuset, f.cpusetMems, f.cgroupParent
	h.OomScoreAdj = f.oomScoreAdj
	if f.set.IsSet("--oom-kill-disable") {
		h.OomKillDisable = &f.oomKillDisable
	}
	if f.set.IsSet("--pids-limit") {
		h.PidsLimit = &f.pidsLimit
	}
	if f.swappiness != -1 {
		if f.swappiness < 0 || f.swappiness > 100 {
			return fmt.Errorf("invalid value: %d. Valid memory swappiness range is 0-100", f.swappiness)
		}
		h.MemorySwappiness = &f.swappiness
	}
	if h.NanoCpus, err = parseCPUs(f.cpus); err != nil {
		return err
	}
	for _, text := range f.ulimits {
		u, err := units.ParseUlimit(text)
		if err != nil {
			return err
		}
		h.Ulimits = append(h.Ulimits, Ulimit{Name: u.Name, Hard: u.Hard, Soft: u.Soft})
	}
	return f.parseBlockIO(h)
}

func (f *Flags) parseBlockIO(h *HostConfig) error {
	if f.blkioWeight != 0 && (f.blkioWeight < 10 || f.blkioWeight > 1000) {
		return fmt.Errorf("invalid blkio weight %d: it must be between 10 and 1000", f.blkioWeight)
	}
	h.BlkioWeight = uint16(f.blkioWeight)
	for _, text := range f.blkioWeightDevice {
		path, rate, err := deviceValue(text)
		if err != nil {
			return err
		}
		weight, err := strconv.ParseUint(rate, 10, 16)
		if err != nil || weight < 10 || weight > 1000 {
			return fmt.Errorf("invalid weight for device: %s", text)
		}
		h.BlkioWeightDevice = append(h.BlkioWeightDevice, WeightDevice{Path: path, Weight: uint16(weight)})
	}
	limits := []struct {
		texts []string
		bytes bool
		into  *[]ThrottleDevice
	}{
		{f.readBps, true, &h.BlkioDeviceReadBps}, {f.writeBps, true, &h.BlkioDeviceWriteBps},
		{f.readIOps, false, &h.BlkioDeviceReadIOps}, {f.writeIOps, false, &h.BlkioDeviceWriteIOps},
	}
	for _, l := range limits {
		for _, text := range l.texts {
			d, err := parseThrottle(text, l.bytes)
			if err != nil {
				return err
			}
			*l.into = append(*l.into, d)
		}
	}
	return nil
}

func parseThrottle(text string, bytes bool) (ThrottleDevice, error) {
	path, value, err := deviceValue(text)
	if err != nil {
		return ThrottleDevice{}, err
	}
	if bytes {
		n, err := ParseSize(value)
		if err != nil {
			return ThrottleDevice{}, fmt.Errorf("invalid rate for device: %s. The correct format is <device-path>:<number>[<unit>]", text)
		}
		return ThrottleDevice{Path: path, Rate: uint64(n)}, nil
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return ThrottleDevice{}, fmt.Errorf("invalid rate for device: %s. The correct format is <device-path>:<number>", text)
	}
	return ThrottleDevice{Path: path, Rate: n}, nil
}

// deviceValue cuts /dev/path:value.
func deviceValue(text string) (path, value string, err error) {
	path, value, ok := strings.Cut(text, ":")
	if !ok || value == "" {
		return "", "", fmt.Errorf("bad format: %s", text)
	}
	if !strings.HasPrefix(path, "/dev/") {
		return "", "", fmt.Errorf("bad format for device path: %s", text)
	}
	return path, value, nil
}

// parseCPUs reads a decimal number of CPUs as billionths.
func parseCPUs(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	bad := fmt.Errorf("invalid number of CPUs %q: it is a decimal number with at most nine places", text)
	// big.Rat would also take 1e999999999 and spend minutes on it.
	if len(text) > 32 || strings.Trim(text, "0123456789.") != "" {
		return 0, bad
	}
	cpus, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, bad
	}
	nano := cpus.Mul(cpus, big.NewRat(1_000_000_000, 1))
	if !nano.IsInt() || !nano.Num().IsInt64() {
		return 0, bad
	}
	return nano.Num().Int64(), nil
}
