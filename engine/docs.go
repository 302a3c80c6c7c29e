package engine

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteDocs writes the manual page of a job as Markdown. All of it comes from
// the declaration, so it cannot say anything that dispatch does not enforce.
func WriteDocs(dst io.Writer, d JobDescription) error {
	w := bufio.NewWriter(dst)
	fmt.Fprintf(w, "# %s\n\n", d.Name)
	if d.Summary != "" {
		fmt.Fprintf(w, "%s\n\n", d.Summary)
	}
	if !d.Declared {
		fmt.Fprint(w, "This job is registered without a declaration: it takes any arguments and any environment.\n")
		return w.Flush()
	}
	effect := "It only reads."
	if d.Changes {
		effect = "It changes state."
	}
	if d.Waits {
		effect += " It may run for as long as its caller likes, and limits do not count it."
	}
	if d.Control {
		effect += " It looks after the engine itself, and limits do not count it."
	}
	if len(d.Aliases) > 0 {
		fmt.Fprintf(w, "It is found by the name `%s` too.\n\n", strings.Join(d.Aliases, "`, `"))
	}
	fmt.Fprintf(w, "    %s\n\n%s Stdin carries %s, stdout %s.\n", d.Usage, effect, d.Stdin.phrase(), d.Stdout.phrase())
	if len(d.Args) > 0 {
		fmt.Fprint(w, "\n## Arguments\n\n| Name | | Meaning |\n| --- | --- | --- |\n")
		for _, a := range d.Args {
			kind := notes(a.Optional, "optional", a.Variadic, "repeatable", a.Secret, "secret")
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", a.Name, kind, cell(a.Summary))
		}
	}
	if len(d.Env) > 0 {
		fmt.Fprint(w, "\n## Environment\n\n| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n")
		for _, k := range d.Env {
			value := cell(k.Default)
			if value != "" {
				value = "`" + value + "`"
			}
			kind := notes(true, k.Type.String(), k.Secret, "secret")
			fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", k.Name, kind, value, cell(k.Summary))
		}
	}
	if d.AnyEnv {
		fmt.Fprint(w, "\nOther keys are passed on unchecked.\n")
	}
	return w.Flush()
}

func (s Stream) phrase() string {
	switch s {
	case None:
		return "nothing"
	case Bytes:
		return "bytes"
	case JSONLines:
		return "one JSON document per line"
	case Multiplexed:
		return "(with stderr) the streams of the program"
	case JSONDocument:
		return "one JSON document"
	}
	return "something unknown"
}

// notes joins the words whose condition holds.
func notes(pairs ...any) string {
	var words []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if on, _ := pairs[i].(bool); on {
			words = append(words, fmt.Sprint(pairs[i+1]))
		}
	}
	return strings.Join(words, ", ")
}

// cell makes a text fit into a cell of a table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }
