package wire

import (
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// CheckVia refuses a call that came through this engine before, or through more
// than MaxHops engines. via are their ids, oldest first. The error is a Conflict.
// Every form of the protocol asks here, so that a loop through several is found.
func CheckVia(eng *engine.Engine, name string, via []string) error {
	switch {
	case slices.Contains(via, eng.ID()):
		return errdefs.Conflict("job %s goes in a loop of engines: %s, and here again", printable(name), way(via))
	case len(via) > MaxHops:
		return errdefs.Conflict("job %s came through %d engines, which looks like a loop; %d are allowed: %s",
			printable(name), len(via), MaxHops, way(via))
	}
	return nil
}

// way shows the engines of a path by the first digits of their ids.
func way(via []string) string {
	short := make([]string, min(len(via), MaxHops))
	for i := range short {
		short[i] = printable(via[i][:min(len(via[i]), 8)])
	}
	return strings.Join(short, ", ")
}

// printable shows a word of a stranger as it is, if that does no harm.
func printable(word string) string {
	const most = 100
	word = word[:min(len(word), most)]
	if quoted := strconv.Quote(word); quoted != `"`+word+`"` {
		return quoted
	}
	return word
}
