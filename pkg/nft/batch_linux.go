package nft

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Batch collects changes. The first error is kept and fails the whole batch.
type Batch struct {
	rules  *nftables.Conn
	setIDs uint32
	err    error
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
	b.rules.AddTable(t.native())
}

// Drop removes the table, whether it was there or not.
func (b *Batch) Drop(t Table) {
	b.rules.AddTable(t.native())
	b.rules.DelTable(t.native())
}

// Chain makes a base chain with policy accept.
func (b *Batch) Chain(t Table, name string, kind Kind, hook Hook, priority int32) {
	accept := nftables.ChainPolicyAccept
	b.rules.AddChain(&nftables.Chain{
		Table: t.native(), Name: name, Type: nftables.ChainType(kind),
		Hooknum:  nftables.ChainHookRef(nftables.ChainHook(hook)),
		Priority: nftables.ChainPriorityRef(nftables.ChainPriority(priority)),
		Policy:   &accept,
	})
}

// SubChain makes a chain that rules can jump to.
func (b *Batch) SubChain(t Table, name string) {
	b.rules.AddChain(&nftables.Chain{Table: t.native(), Name: name})
}

// Rule appends a rule: all the matches, then what they lead to.
func (b *Batch) Rule(t Table, chain string, parts ...Match) {
	var all []expr.Any
	for _, p := range parts {
		all = append(all, p...)
	}
	table := t.native()
	b.rules.AddRule(&nftables.Rule{Table: table, Chain: &nftables.Chain{Table: table, Name: chain}, Exprs: all})
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

func native(types []Type) (nftables.SetDatatype, error) {
	all := [...]nftables.SetDatatype{
		Addr4: nftables.TypeIPAddr, Proto: nftables.TypeInetProto, Service: nftables.TypeInetService,
		Addr6: nftables.TypeIP6Addr, Interface: nftables.TypeIFName,
	}
	list := make([]nftables.SetDatatype, len(types))
	for i, t := range types {
		list[i] = all[t]
	}
	return nftables.ConcatSetType(list...)
}

// Set makes a named set of tuples of the types.
func (b *Batch) Set(t Table, name string, key ...Type) {
	b.set(&nftables.Set{Table: t.native(), Name: name}, key, nil)
}

// Map makes a named map from tuples to tuples.
func (b *Batch) Map(t Table, name string, key, value []Type) {
	b.set(&nftables.Set{Table: t.native(), Name: name}, key, value)
}

// Ranges makes a named set of ranges, Prefix gives its elements.
func (b *Batch) Ranges(t Table, name string, key Type) {
	b.set(&nftables.Set{Table: t.native(), Name: name, Interval: true}, []Type{key}, nil)
}

// RangeMap makes a named map from ranges to tuples.
func (b *Batch) RangeMap(t Table, name string, key Type, value ...Type) {
	b.set(&nftables.Set{Table: t.native(), Name: name, Interval: true}, []Type{key}, value)
}

func (b *Batch) set(s *nftables.Set, key, value []Type) {
	b.setIDs++ // ids are names for one batch only
	s.ID, s.IsMap, s.Concatenation = b.setIDs, value != nil, len(key) > 1
	var err error
	if s.KeyType, err = native(key); err != nil {
		b.fail(err)
		return
	}
	if value != nil {
		if s.DataType, err = native(value); err != nil {
			b.fail(err)
			return
		}
	}
	b.fail(b.rules.AddSet(s, nil))
}

// Element is one member of a set, or one entry of a map. In ranges it is where
// one begins or, with End, the first key behind it.
type Element struct {
	Key, Value []byte
	End        bool
}

// chunk is how many elements go into one message: its length has 16 bits.
const chunk = 256

// Add puts elements into a set or map. One that is there already is no error.
func (b *Batch) Add(t Table, set string, list ...Element) {
	for some := range slices.Chunk(list, chunk) {
		b.fail(b.rules.SetAddElements(&nftables.Set{Table: t.native(), Name: set}, elements(some)))
	}
}

// Delete takes elements out. One that is not there fails the batch.
func (b *Batch) Delete(t Table, set string, list ...Element) {
	for some := range slices.Chunk(list, chunk) {
		b.fail(b.rules.SetDeleteElements(&nftables.Set{Table: t.native(), Name: set}, elements(some)))
	}
}

func elements(list []Element) []nftables.SetElement {
	out := make([]nftables.SetElement, len(list))
	for i, e := range list {
		out[i] = nftables.SetElement{Key: e.Key, Val: e.Value, IntervalEnd: e.End}
	}
	return out
}

func (b *Batch) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}
