//go:build linux

package resolver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// batch is a transaction of nftables, as the kernel's
// include/uapi/linux/netfilter/nfnetlink.h and nf_tables.h have it. It is written
// here because only its last message asks for an answer: a library that asks for
// one of each takes more than twice the time, and a server is started with each
// container.
type batch struct{ messages [][]byte }

// kernelPatience is for how many seconds the kernel is waited for. It answers
// before the request returns.
const kernelPatience = 5

// add appends a message about IPv4.
func (b *batch) add(kind, flags uint16, attributes ...[]byte) {
	b.messages = append(b.messages, message(unix.NFNL_SUBSYS_NFTABLES<<8|kind, flags, unix.NFPROTO_IPV4, 0, attributes...))
}

// message is a header of netlink, one of nfnetlink, and what follows.
func message(kind, flags uint16, family byte, resource uint16, attributes ...[]byte) []byte {
	m := make([]byte, unix.NLMSG_HDRLEN, 512)
	binary.NativeEndian.PutUint16(m[4:], kind)
	binary.NativeEndian.PutUint16(m[6:], unix.NLM_F_REQUEST|flags)
	m = append(m, family, unix.NFNETLINK_V0)
	m = binary.BigEndian.AppendUint16(m, resource)
	for _, a := range attributes {
		m = append(m, a...)
	}
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	return m
}

// attr is an attribute: its length, its type, its value, and zeros up to four
// bytes.
func attr(kind uint16, value []byte) []byte {
	a := make([]byte, 4, 4+len(value)+3)
	binary.NativeEndian.PutUint16(a, uint16(4+len(value)))
	binary.NativeEndian.PutUint16(a[2:], kind)
	a = append(a, value...)
	for len(a)%4 != 0 {
		a = append(a, 0)
	}
	return a
}

// nest is an attribute of attributes.
func nest(kind uint16, parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return attr(unix.NLA_F_NESTED|kind, all)
}

func text(s string) []byte { return append([]byte(s), 0) }

func word(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// commit carries the transaction out in the namespace of the calling thread. The
// error is that of the first message that the kernel did not like.
func (b *batch) commit() error {
	if err := b.exchange(); err != nil {
		return fmt.Errorf("writing nftables rules for a name server: %w", err)
	}
	return nil
}

func (b *batch) exchange() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is written behind
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: kernelPatience}); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	all := message(unix.NFNL_MSG_BATCH_BEGIN, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	last := uint32(len(b.messages))
	for i, m := range b.messages {
		binary.NativeEndian.PutUint32(m[8:], uint32(i+1)) // the sequence number
		if uint32(i+1) == last {
			binary.NativeEndian.PutUint16(m[6:], binary.NativeEndian.Uint16(m[6:])|unix.NLM_F_ACK)
		}
		all = append(all, m...)
	}
	all = append(all, message(unix.NFNL_MSG_BATCH_END, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)...)
	if err := unix.Sendto(fd, all, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	buf := make([]byte, 4096)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		if done, err := verdict(buf[:n], last); done || err != nil {
			return err
		}
	}
}

// verdict reads what the kernel says. It is done when the last message was good.
func verdict(answers []byte, last uint32) (done bool, err error) {
	for len(answers) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(answers))
		if size < unix.NLMSG_HDRLEN || size > len(answers) {
			break
		}
		if binary.NativeEndian.Uint16(answers[4:]) == unix.NLMSG_ERROR && size >= unix.NLMSG_HDRLEN+4 {
			if n := int32(binary.NativeEndian.Uint32(answers[unix.NLMSG_HDRLEN:])); n != 0 {
				return true, unix.Errno(-n)
			}
			if binary.NativeEndian.Uint32(answers[8:]) == last {
				return true, nil
			}
		}
		answers = answers[min((size+3)&^3, len(answers)):]
	}
	if len(answers) > 0 {
		return true, errors.New("the kernel's answer is cut off")
	}
	return false, nil
}
