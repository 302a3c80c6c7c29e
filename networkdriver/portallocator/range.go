package portallocator

import (
	"os"
	"strconv"
	"strings"
)

// The ports that are drawn when none is asked for and the kernel does not say
// which ones it means for that.
const (
	DefaultFirst = 49153
	DefaultLast  = 65535
)

// KernelRange is where the host's administrator wants ports that nobody asked
// for by number: net.ipv4.ip_local_port_range, which counts for both families
// (kernel: ip-sysctl). path is the file of that setting. What cannot be read or
// makes no sense gives the classic range.
func KernelRange(path string) (first, last uint16) {
	text, err := os.ReadFile(path)
	if err != nil {
		return DefaultFirst, DefaultLast
	}
	return parseRange(string(text))
}

// parseRange reads "32768\t60999\n".
func parseRange(text string) (first, last uint16) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return DefaultFirst, DefaultLast
	}
	a, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil || a == 0 {
		return DefaultFirst, DefaultLast
	}
	b, err := strconv.ParseUint(fields[1], 10, 16)
	if err != nil || b < a {
		return DefaultFirst, DefaultLast
	}
	return uint16(a), uint16(b)
}
