package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/pkg/mflag"
)

// The scripts of `docker completion` ask `docker __complete WORD...`, where the last
// word is the one that is being typed. The answer is a line for each word that
// may stand there, with a tab and a description where there is one, or the
// line :files when it is the name of a file.

const (
	completeWord  = "__complete"
	completeFiles = ":files"
)

// completeLimit is how long a person waits for names of a daemon.
const completeLimit = 2 * time.Second

// candidate is a word that may stand where the user types.
type candidate struct{ word, about string }

// complete prints what may stand in the place of the last word. Nothing that goes
// wrong is told: the user has not finished.
func (cli *CLI) complete(ctx context.Context, words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	ctx, cancel := context.WithTimeout(ctx, completeLimit)
	defer cancel()
	typed := words[len(words)-1]
	for _, c := range cli.candidates(ctx, words[:len(words)-1], typed) {
		if !strings.HasPrefix(c.word, typed) && c.word != completeFiles {
			continue
		}
		line := c.word
		if c.about != "" {
			line += "\t" + strings.Join(strings.Fields(c.about), " ")
		}
		if _, err := fmt.Fprintln(cli.Out, line); err != nil {
			return err
		}
	}
	return nil
}

// candidates finds what may follow the words before.
func (cli *CLI) candidates(ctx context.Context, before []string, typed string) []candidate {
	g, global := newGlobals(cli.env)
	wanting, words, over := global.Scan(before)
	switch {
	case !over:
		return cli.flagOr(ctx, global, wanting, typed, firstWords)
	case len(words) == 0: // after "--"
		return firstWords()
	}
	if global.Parse(before[:len(before)-len(words)]) != nil || cli.configure(g, global) != nil {
		cli.http = nil // no names, then
	}
	if strings.EqualFold(words[0], "help") {
		words = words[1:]
		if len(words) == 0 {
			return firstWords()
		}
		if len(words) == 1 && isGroup(words[0]) {
			return groupWords(words[0])
		}
		return nil
	}
	cmd, name, rest := findCommand(words)
	switch {
	case cmd == nil && len(words) == 1 && isGroup(words[0]):
		return groupWords(words[0])
	case cmd == nil:
		return nil
	}
	set := &mflag.Set{Interspersed: !cmd.Stop}
	cmd.New(cli, set)
	wanting, args, over := set.Scan(rest)
	if over {
		return cli.argument(ctx, cmd, name, args)
	}
	return cli.flagOr(ctx, set, wanting, typed, func() []candidate { return cli.argument(ctx, cmd, name, args) })
}

// flagOr completes the value of a flag, the name of one, or else a word.
func (cli *CLI) flagOr(ctx context.Context, set *mflag.Set, wanting []string, typed string, word func() []candidate) []candidate {
	if wanting != nil {
		return cli.flagValue(ctx, wanting)
	}
	if !strings.HasPrefix(typed, "-") {
		return word()
	}
	if name, _, ok := strings.Cut(typed, "="); ok {
		values := cli.flagValue(ctx, set.Values(name))
		for i := range values {
			if values[i].word != completeFiles {
				values[i].word = name + "=" + values[i].word
			}
		}
		return values
	}
	var list []candidate
	for _, f := range set.Shown() {
		for _, name := range f.Names {
			if strings.HasPrefix(name, "--") || typed == "-" {
				list = append(list, candidate{name, f.Usage})
			}
		}
	}
	list = append(list, candidate{"--help", "Print usage"})
	slices.SortStableFunc(list, func(a, b candidate) int { return strings.Compare(a.word, b.word) })
	return slices.CompactFunc(list, func(a, b candidate) bool { return a.word == b.word })
}

// firstWords are the commands of one word, and the groups.
func firstWords() []candidate {
	list := []candidate{{"help", "Show the help of a command"}}
	groups := map[string]bool{}
	for _, c := range commands() {
		if c.Hidden {
			continue
		}
		if c.Name != "" && !strings.Contains(c.Name, " ") {
			list = append(list, candidate{c.Name, c.Summary})
			groups[c.Name] = true
		}
		for _, also := range c.Also {
			if group, _, ok := strings.Cut(also, " "); ok && !groups[group] {
				groups[group] = true
				list = append(list, candidate{group, "Commands of " + group})
			}
		}
	}
	return list
}

// groupWords are the second words of a group.
func groupWords(group string) []candidate {
	prefix := strings.ToLower(group) + " "
	var list []candidate
	for _, c := range commands() {
		if c.Hidden {
			continue
		}
		for _, name := range append([]string{c.Name}, c.Also...) {
			if word, ok := strings.CutPrefix(name, prefix); ok {
				list = append(list, candidate{word, c.Summary})
			}
		}
	}
	return list
}
