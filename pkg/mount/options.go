package mount

import "strings"

// Linux's MS_ flags by their fstab names. set is turned on, clear turned off.
type flag struct {
	clear bool
	bits  uintptr
}

// The numbers are part of the kernel's interface; they are spelt out so that
// descriptions can be taken apart on every platform.
const (
	msRdonly      = 0x1
	msNosuid      = 0x2
	msNodev       = 0x4
	msNoexec      = 0x8
	msSync        = 0x10
	msRemount     = 0x20
	msMandlock    = 0x40
	msDirsync     = 0x80
	msNosymfollow = 0x100
	msNoatime     = 0x400
	msNodiratime  = 0x800
	msBind        = 0x1000
	msRec         = 0x4000
	msUnbindable  = 0x20000
	msPrivate     = 0x40000
	msSlave       = 0x80000
	msShared      = 0x100000
	msRelatime    = 0x200000
	msIversion    = 0x800000
	msStrictatime = 0x1000000
	msLazytime    = 0x2000000

	msPropagation = msUnbindable | msPrivate | msSlave | msShared
)

func flagOf(option string) (flag, bool) {
	switch option {
	case "defaults":
		return flag{}, true
	case "ro", "rro": // the second also makes what is mounted below read-only
		return flag{false, msRdonly}, true
	case "rw":
		return flag{true, msRdonly}, true
	case "nosuid":
		return flag{false, msNosuid}, true
	case "suid":
		return flag{true, msNosuid}, true
	case "nodev":
		return flag{false, msNodev}, true
	case "dev":
		return flag{true, msNodev}, true
	case "noexec":
		return flag{false, msNoexec}, true
	case "exec":
		return flag{true, msNoexec}, true
	case "sync":
		return flag{false, msSync}, true
	case "async":
		return flag{true, msSync}, true
	case "dirsync":
		return flag{false, msDirsync}, true
	case "remount":
		return flag{false, msRemount}, true
	case "mand":
		return flag{false, msMandlock}, true
	case "nomand":
		return flag{true, msMandlock}, true
	case "nosymfollow":
		return flag{false, msNosymfollow}, true
	case "iversion":
		return flag{false, msIversion}, true
	}
	return timeFlagOf(option)
}

func timeFlagOf(option string) (flag, bool) {
	switch option {
	case "noatime":
		return flag{false, msNoatime}, true
	case "atime":
		return flag{true, msNoatime}, true
	case "nodiratime":
		return flag{false, msNodiratime}, true
	case "diratime":
		return flag{true, msNodiratime}, true
	case "relatime":
		return flag{false, msRelatime}, true
	case "norelatime":
		return flag{true, msRelatime}, true
	case "strictatime":
		return flag{false, msStrictatime}, true
	case "nostrictatime":
		return flag{true, msStrictatime}, true
	case "lazytime":
		return flag{false, msLazytime}, true
	case "bind":
		return flag{false, msBind}, true
	case "rbind":
		return flag{false, msBind | msRec}, true
	}
	return propagationOf(option)
}

func propagationOf(option string) (flag, bool) {
	switch option {
	case "private":
		return flag{false, msPrivate}, true
	case "rprivate":
		return flag{false, msPrivate | msRec}, true
	case "slave":
		return flag{false, msSlave}, true
	case "rslave":
		return flag{false, msSlave | msRec}, true
	case "shared":
		return flag{false, msShared}, true
	case "rshared":
		return flag{false, msShared | msRec}, true
	case "unbindable":
		return flag{false, msUnbindable}, true
	case "runbindable":
		return flag{false, msUnbindable | msRec}, true
	}
	return flag{}, false
}

// Split parts options into the flags of mount(2), the flags that change the
// propagation (a call of their own), and the data for the file system.
func Split(options []string) (flags, propagation uintptr, data []string) {
	for _, o := range options {
		f, known := flagOf(o)
		switch {
		case !known:
			if o != "" {
				data = append(data, o)
			}
		case f.bits&msPropagation != 0:
			propagation = f.bits
		case f.clear:
			flags &^= f.bits
		default:
			flags |= f.bits
		}
	}
	return flags, propagation, data
}

// Data joins the options that are no flags, as the last argument of mount(2)
// takes them.
func (m Mount) Data() string {
	_, _, data := Split(m.Options)
	return strings.Join(data, ",")
}
