package nft

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// Batch collects changes.
type Batch struct {
	w      writer
	s      *socket
	last   int // where the last message begins; 0: there is none
	setIDs uint32
}

// message writes one.
func (b *Batch) message(kind, flags uint16, t Table, fill func(*writer)) {
	mark := b.w.begin(nftables|kind, flags, b.s.next(), byte(t.Family), 0)
	fill(&b.w)
	b.w.end(mark)
	b.last = mark
}

// answerLast asks for an answer to the last message: the kernel gives it when
// the whole batch was dealt with.
func (b *Batch) answerLast() {
	flags := binary.NativeEndian.Uint16(b.w.buf[b.last+6:])
	binary.NativeEndian.PutUint16(b.w.buf[b.last+6:], flags|unix.NLM_F_ACK)
}

// Hook is where in the path of a packet a chain is called.
type Hook uint32

// The hooks.
const (
	Prerouting Hook = iota
	Input
	Forward
	Output
	Postrouting
)

// Kind is what a chain may do.
type Kind string

// The kinds of chains.
const (
	Filter Kind = "filter"
	NAT    Kind = "nat"
)

// Priorities order the chains of all tables at one hook.
const (
	PriorityRaw    = -300
	PriorityDstNAT = -100
	PriorityFilter = 0
	PrioritySrcNAT = 100
)

// Replace makes the table empty, whether it was there or not.
func (b *Batch) Replace(t Table) {
	b.Drop(t)
	b.addTable(t)
}

// Drop removes the table, whether it was there or not.
func (b *Batch) Drop(t Table) {
	b.addTable(t)
	b.message(unix.NFT_MSG_DELTABLE, 0, t, func(w *writer) { w.text(unix.NFTA_TABLE_NAME, t.Name) })
}

func (b *Batch) addTable(t Table) {
	b.message(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, t, func(w *writer) {
		w.text(unix.NFTA_TABLE_NAME, t.Name)
		w.number(unix.NFTA_TABLE_FLAGS, 0)
	})
}

// NF_DROP and NF_ACCEPT of linux/netfilter.h.
const nfDrop, nfAccept = 0, 1

// Chain makes a base chain with policy accept.
func (b *Batch) Chain(t Table, name string, kind Kind, hook Hook, priority int32) {
	b.message(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, t, func(w *writer) {
		w.text(unix.NFTA_CHAIN_TABLE, t.Name)
		w.text(unix.NFTA_CHAIN_NAME, name)
		mark := w.nest(unix.NFTA_CHAIN_HOOK)
		w.number(unix.NFTA_HOOK_HOOKNUM, uint32(hook))
		w.number(unix.NFTA_HOOK_PRIORITY, uint32(priority))
		w.unnest(mark)
		w.number(unix.NFTA_CHAIN_POLICY, nfAccept)
		w.text(unix.NFTA_CHAIN_TYPE, string(kind))
	})
}

// SubChain makes a chain that rules can jump to.
func (b *Batch) SubChain(t Table, name string) {
	b.message(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, t, func(w *writer) {
		w.text(unix.NFTA_CHAIN_TABLE, t.Name)
		w.text(unix.NFTA_CHAIN_NAME, name)
	})
}

// Rule appends a rule: all the matches, then what they lead to.
func (b *Batch) Rule(t Table, chain string, parts ...Match) {
	b.message(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, t, func(w *writer) {
		w.text(unix.NFTA_RULE_TABLE, t.Name)
		w.text(unix.NFTA_RULE_CHAIN, chain)
		mark := w.nest(unix.NFTA_RULE_EXPRESSIONS)
		for _, p := range parts {
			w.buf = append(w.buf, p...)
		}
		w.unnest(mark)
	})
}

// Type is the type of one field of a key or a value.
type Type int

// The types of fields.
const (
	Addr4 Type = iota
	Proto
	Service
	Addr6
	Interface // the name of one
)

// Addr is the type of addresses of a family.
func (f Family) Addr() Type {
	if f == IPv6 {
		return Addr6
	}
	return Addr4
}

// native gives what the program nft calls the type (a number that the kernel
// keeps for it), and how many bytes its values have.
func (t Type) native() (number, size uint32) {
	switch t {
	case Proto:
		return 12, 1
	case Service:
		return 13, 2
	case Addr6:
		return 8, 16
	case Interface:
		return 41, unix.IFNAMSIZ
	}
	return 7, 4
}

// words is how many words of four bytes a value takes.
func (t Type) words() uint32 {
	_, size := t.native()
	return (size + 3) / 4
}

// native of a concatenation: six bits for each, and values padded to words. A
// single value is not padded.
func native(types []Type) (number, size uint32) {
	if len(types) == 1 {
		return types[0].native()
	}
	for _, t := range types {
		n, _ := t.native()
		number = number<<6 | n
		size += 4 * t.words()
	}
	return number, size
}

// Set makes a named set of tuples of the types.
func (b *Batch) Set(t Table, name string, key ...Type) { b.set(t, name, 0, key, nil) }

// Map makes a named map from tuples to tuples.
func (b *Batch) Map(t Table, name string, key, value []Type) {
	b.set(t, name, unix.NFT_SET_MAP, key, value)
}

// Ranges makes a named set of ranges, Prefix gives its elements.
func (b *Batch) Ranges(t Table, name string, key Type) {
	b.set(t, name, unix.NFT_SET_INTERVAL, []Type{key}, nil)
}

// RangeMap makes a named map from ranges to tuples.
func (b *Batch) RangeMap(t Table, name string, key Type, value ...Type) {
	b.set(t, name, unix.NFT_SET_INTERVAL|unix.NFT_SET_MAP, []Type{key}, value)
}

func (b *Batch) set(t Table, name string, flags uint32, key, value []Type) {
	b.setIDs++ // ids are names for one batch only
	b.message(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, t, func(w *writer) {
		w.text(unix.NFTA_SET_TABLE, t.Name)
		w.text(unix.NFTA_SET_NAME, name)
		w.number(unix.NFTA_SET_ID, b.setIDs)
		number, size := native(key)
		w.number(unix.NFTA_SET_FLAGS, flags)
		w.number(unix.NFTA_SET_KEY_TYPE, number)
		w.number(unix.NFTA_SET_KEY_LEN, size)
		if value != nil {
			number, size := native(value)
			w.number(unix.NFTA_SET_DATA_TYPE, number)
			w.number(unix.NFTA_SET_DATA_LEN, size)
		}
		// For the program nft, which lists keys by it: NFTNL_UDATA_SET_KEYBYTEORDER
		// of four bytes is BYTEORDER_HOST_ENDIAN or BYTEORDER_BIG_ENDIAN.
		order := uint32(2)
		if key[0] == Interface {
			order = 1
		}
		w.bytes(unix.NFTA_SET_USERDATA, binary.NativeEndian.AppendUint32([]byte{0, 4}, order))
	})
}

// Element is one member of a set, or one entry of a map. In ranges it is where
// one begins or, with End, the first key behind it.
type Element struct {
	Key, Value []byte
	End        bool
}

// chunk is how many elements go into one message: its length has 16 bits.
const chunk = 400

// Add puts elements into a set or map. One that is there already is no error.
func (b *Batch) Add(t Table, set string, list ...Element) {
	b.elements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, t, set, list)
}

// Delete takes elements out. One that is not there fails the batch.
func (b *Batch) Delete(t Table, set string, list ...Element) {
	b.elements(unix.NFT_MSG_DELSETELEM, 0, t, set, list)
}

func (b *Batch) elements(kind, flags uint16, t Table, set string, list []Element) {
	for some := range slices.Chunk(list, chunk) {
		b.message(kind, flags, t, func(w *writer) {
			w.text(unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
			w.text(unix.NFTA_SET_ELEM_LIST_SET, set)
			all := w.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
			for _, e := range some {
				one := w.nest(unix.NFTA_LIST_ELEM)
				if e.End {
					w.number(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
				}
				w.data(unix.NFTA_SET_ELEM_KEY, e.Key)
				if e.Value != nil {
					w.data(unix.NFTA_SET_ELEM_DATA, e.Value)
				}
				w.unnest(one)
			}
			w.unnest(all)
		})
	}
}
