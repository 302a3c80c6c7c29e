package daemon

import (
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/names"
)

// checkName judges a name of the user and takes its slash off.
func checkName(name string) (string, error) {
	bare := strings.TrimPrefix(name, "/")
	if !names.Valid(bare) {
		return "", errdefs.InvalidArgument("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name)
	}
	return bare, nil
}

// newID makes a container id: 64 hexadecimal digits, of which the first twelve
// are not a number, so that they can be a hostname.
func (d *Daemon) newID() (string, error) {
	var b [32]byte
	for {
		if _, err := io.ReadFull(d.opt.Rand, b[:]); err != nil {
			return "", errdefs.Internal("making an id: %w", err)
		}
		id := hex.EncodeToString(b[:])
		if _, err := strconv.ParseInt(short(id), 10, 64); err != nil {
			return id, nil
		}
	}
}

// reserveName takes the name that the user wants, or makes one up.
func (d *Daemon) reserveName(want, id string) (string, error) {
	if want != "" {
		name, err := checkName(want)
		if err != nil {
			return "", err
		}
		return name, d.containers.reserve(name, id)
	}
	for try := range 6 {
		name := madeUpName(id, try)
		if err := d.containers.reserve(name, id); err == nil {
			return name, nil
		}
	}
	return short(id), d.containers.reserve(short(id), id)
}

// madeUpName picks two words by the digits of the id; later tries pick others
// and add a digit.
func madeUpName(id string, try int) string {
	n, _ := strconv.ParseUint(id[8*try:8*try+16], 16, 64)
	name := moods[n%uint64(len(moods))] + "_" + makers[n/uint64(len(moods))%uint64(len(makers))]
	if try > 0 {
		name += strconv.FormatUint(n>>48%10, 10)
	}
	return name
}

// moods and makers are the words of made-up names: how one feels on a good day
// of work, and people who made computing, shipping and building what they are.
var moods = [...]string{
	"able", "agile", "alert", "amber", "ample", "apt", "ardent", "astute", "aware", "azure",
	"balmy", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid", "canny", "careful",
	"cheery", "civil", "clear", "clever", "cosy", "crisp", "curious", "dapper", "daring", "deft",
	"devout", "driven", "eager", "earnest", "easy", "elated", "even", "exact", "fair", "fearless",
	"festive", "fleet", "fluent", "fond", "frank", "fresh", "frugal", "gallant", "gentle", "genial",
	"glad", "golden", "graceful", "grand", "handy", "happy", "hardy", "hearty", "honest", "humble",
	"jaunty", "jolly", "jovial", "keen", "kind", "lively", "loyal", "lucid", "lucky", "mellow",
	"merry", "mighty", "mindful", "modest", "neat", "nimble", "noble", "patient", "placid", "plucky",
	"polite", "prompt", "proud", "quick", "quiet", "ready", "robust", "rosy", "sage", "serene",
	"sharp", "silent", "smooth", "snappy", "sober", "solid", "spry", "steady", "stoic", "sturdy",
	"subtle", "sunny", "sure", "swift", "tender", "tidy", "trusty", "upbeat", "urbane", "valiant",
	"vivid", "warm", "wise", "witty", "young", "zesty",
}

var makers = [...]string{
	"aiken", "allen", "babbage", "backus", "bartik", "bell", "berezin", "berners", "boole", "booth",
	"borg", "brunel", "bush", "cerf", "chomsky", "church", "clarke", "codd", "conway", "cray",
	"dahl", "davies", "diffie", "dijkstra", "eckert", "edison", "eiffel", "engelbart", "estrin", "euclid",
	"euler", "faraday", "feinler", "floyd", "fourier", "fuller", "galois", "gauss", "goedel", "goldberg",
	"gray", "hamilton", "hamming", "hellman", "hilbert", "hoare", "hollerith", "holberton", "hopper", "huffman",
	"hypatia", "jacquard", "kahan", "kahn", "karnaugh", "kay", "keller", "kernighan", "kilburn", "kilby",
	"kleene", "knuth", "kolmogorov", "lamarr", "lamport", "lampson", "laplace", "leibniz", "liskov", "lovelace",
	"marconi", "mauchly", "maxwell", "mccarthy", "mclean", "mcilroy", "meitner", "metcalfe", "milner", "minsky",
	"moore", "morse", "napier", "naur", "neumann", "newell", "newton", "noether", "noyce", "nygaard",
	"ohm", "pascal", "perlis", "perlman", "plimsoll", "post", "postel", "rabin", "ramanujan", "ritchie",
	"rivest", "roebling", "saltzer", "scott", "shamir", "shannon", "simon", "spence", "steele", "stibitz",
	"strachey", "sutherland", "tarjan", "telford", "tesla", "thompson", "torvalds", "turing", "ulam", "vaughan",
	"viterbi", "volta", "watt", "wiener", "wilkes", "wilkinson", "wirth", "yao", "zuse",
}
