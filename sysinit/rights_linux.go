package sysinit

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Everything here changes the calling thread alone, by raw system calls: the
// thread is locked and is the one that executes.

func raw(trap, a, b, c uintptr) error {
	if _, _, e := unix.RawSyscall(trap, a, b, c); e != 0 {
		return e
	}
	return nil
}

// dropBounding takes from the bounding set what is not in keep. Numbers that the
// kernel does not know end the list.
func dropBounding(keep uint64) error {
	for c := uintptr(0); c < 64; c++ {
		if keep&(1<<c) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err == unix.EINVAL {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// become changes user and groups and keeps the permitted capabilities.
func become(id identity) error {
	gids := make([]uint32, len(id.groups), len(id.groups)+1)
	for i, g := range id.groups {
		gids[i] = uint32(g)
	}
	var p uintptr
	if len(gids) > 0 {
		p = uintptr(unsafe.Pointer(&gids[0]))
	}
	if err := raw(unix.SYS_SETGROUPS, uintptr(len(gids)), p, 0); err != nil {
		return err
	}
	gid, uid := uintptr(id.gid), uintptr(id.uid)
	if err := raw(unix.SYS_SETRESGID, gid, gid, gid); err != nil {
		return err
	}
	if id.uid == 0 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := raw(unix.SYS_SETRESUID, uid, uid, uid); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0)
}

func header() unix.CapUserHeader {
	return unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
}

// permitted reads the permitted set.
func permitted() (uint64, error) {
	h := header()
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		return 0, err
	}
	return uint64(d[0].Permitted) | uint64(d[1].Permitted)<<32, nil
}

// capset sets effective and permitted sets; nothing is ever inheritable.
func capset(effective, permitted uint64) error {
	h, d := header(), capData(effective, permitted)
	return unix.Capset(&h, &d[0])
}

func capData(effective, permitted uint64) [2]unix.CapUserData {
	return [2]unix.CapUserData{
		{Effective: uint32(effective), Permitted: uint32(permitted)},
		{Effective: uint32(effective >> 32), Permitted: uint32(permitted >> 32)},
	}
}
