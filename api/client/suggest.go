package client

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// suggest names what somebody may have meant: at most three of the words that begin
// with the one typed, or are few slips of the finger away from it.
func suggest(typed string, words []string) []string {
	typed = strings.ToLower(typed)
	type guess struct {
		word  string
		slips int
	}
	var guesses []guess
	most := min(2, (len(typed)+1)/3) // of a short word nothing would be left
	for _, word := range words {
		slips := slipsBetween(typed, word)
		if slips <= most || len(typed) > 1 && strings.HasPrefix(word, typed) {
			guesses = append(guesses, guess{word, slips})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return a.slips - b.slips })
	var best []string
	for _, g := range guesses[:min(3, len(guesses))] {
		best = append(best, g.word)
	}
	return best
}

// slipsBetween counts letters too much, too few or wrong. Two neighbours that
// changed places are one slip, the most frequent of all.
func slipsBetween(typed, word string) int {
	if len(typed) == len(word) {
		for i := range len(typed) - 1 {
			if typed[:i]+typed[i+1:i+2]+typed[i:i+1]+typed[i+2:] == word {
				return 1
			}
		}
	}
	return levenshtein.Distance(typed, word, nil)
}

// didYouMean is the sentence of a suggestion, "" without one.
func didYouMean(best []string) string {
	switch len(best) {
	case 0:
		return ""
	case 1:
		return "Did you mean '" + best[0] + "'?"
	}
	return "Did you mean one of '" + strings.Join(best, "', '") + "'?"
}

// commandWords are the words that may stand where the last one of name does.
func commandWords(name string) []string {
	prefix := ""
	if i := strings.LastIndexByte(name, ' '); i >= 0 {
		prefix = name[:i+1]
	}
	var words []string
	for _, c := range commands() {
		for _, spelling := range append([]string{c.Name}, c.Also...) {
			rest, ok := strings.CutPrefix(spelling, prefix)
			word, _, _ := strings.Cut(rest, " ")
			if ok && word != "" && !c.Hidden && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// suggestCommand is the sentence for a command that there is not.
func suggestCommand(name string) string {
	last := name[strings.LastIndexByte(name, ' ')+1:]
	best := suggest(last, commandWords(name))
	for i := range best {
		best[i] = name[:len(name)-len(last)] + best[i]
	}
	return didYouMean(best)
}

// suggestFlag is the sentence for a flag that a command does not have.
func suggestFlag(spelled string, flags []string) string {
	name, _, _ := strings.Cut(spelled, "=")
	if !strings.HasPrefix(name, "--") {
		return ""
	}
	var long []string
	for _, flag := range flags {
		if word, ok := strings.CutPrefix(flag, "--"); ok {
			long = append(long, word)
		}
	}
	best := suggest(name[2:], long)
	for i := range best {
		best[i] = "--" + best[i]
	}
	return didYouMean(best)
}
