package enginetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/enginejobs/docker/errdefs"
)

// tapeHeader is the first line of a recording. The number is its version.
const tapeHeader = "enginejobs recording 1"

// Masked stands in a recording for the value of an argument or an env key that
// its job declares as secret.
const Masked = "***"

// Take is one recorded job.
type Take struct {
	Name string
	Args []string          `json:",omitempty"`
	Env  map[string]string `json:",omitempty"`

	// Began and Ended number the starts and ends of all jobs of the recording, so
	// they tell what came before what and what ran at the same time.
	Began, Ended int

	Status int    `json:",omitempty"` // 0: it ended well
	Kind   string `json:",omitempty"` // of its error
	Code   int    `json:",omitempty"` // of its error
	Error  string `json:",omitempty"`

	Stdin  string `json:"-"` // what the handler has read
	Stdout string `json:"-"`
	Stderr string `json:"-"`
}

// The format is that of txtar (golang.org/x/tools/txtar): a comment, then files,
// each after a line "-- NAME --". The comment begins with tapeHeader. Job n is
// the file "n/NAME" with the JSON form of Take, followed by "n/stdin",
// "n/stdout" and "n/stderr", left out when empty. A stream that a text file
// cannot hold as it is has ".quoted" (a Go string) or ".base64" at its name.

// format writes a recording.
func format(takes []Take) ([]byte, error) {
	var b strings.Builder
	b.WriteString(tapeHeader + "\n")
	for i, t := range takes {
		doc, err := json.MarshalIndent(t, "", "\t")
		if err != nil {
			return nil, err
		}
		// The name is for people, what counts is in the document.
		fmt.Fprintf(&b, "-- %d/%s --\n%s\n", i+1, fileName(t.Name), doc)
		for _, s := range []struct{ name, text string }{{"stdin", t.Stdin}, {"stdout", t.Stdout}, {"stderr", t.Stderr}} {
			if s.text != "" {
				suffix, text := encodeStream(s.text)
				fmt.Fprintf(&b, "-- %d/%s%s --\n%s", i+1, s.name, suffix, text)
			}
		}
	}
	return []byte(b.String()), nil
}

// fileName makes a word of the name of a job.
func fileName(job string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && alnum(byte(r)) {
			return r
		}
		return '_'
	}, job) + ".json"
}

// encodeStream chooses the most readable form that gives the same bytes back.
func encodeStream(text string) (suffix, encoded string) {
	switch {
	case !utf8.ValidString(text):
		return ".base64", base64.StdEncoding.EncodeToString([]byte(text)) + "\n"
	case !strings.HasSuffix(text, "\n"), strings.ContainsAny(text, "\x00\r"), strings.Contains("\n"+text, "\n-- "):
		return ".quoted", strconv.Quote(text) + "\n"
	}
	return "", text
}

func decodeStream(suffix, text string) (string, error) {
	switch suffix {
	case "":
		return text, nil
	case "quoted":
		return strconv.Unquote(strings.TrimSpace(text))
	case "base64":
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		return string(b), err
	}
	return "", errdefs.InvalidArgument("unknown form %q of a stream", suffix)
}

// ReadRecording reads the file that Record has written.
func ReadRecording(file string) ([]Take, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	takes, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading the recording %s: %w", file, err)
	}
	return takes, nil
}

// parse reads a recording.
func parse(text string) ([]Take, error) {
	header, rest, _ := strings.Cut(text, "\n")
	if strings.TrimSuffix(header, "\r") != tapeHeader {
		return nil, errdefs.InvalidArgument("it does not begin with %q", tapeHeader)
	}
	var takes []Take
	name, from, at := "", 0, 0
	for at <= len(rest) {
		line, _, _ := strings.Cut(rest[at:], "\n")
		next := min(at+len(line)+1, len(rest)+1)
		if file := marker(line); file != "" || at == len(rest) {
			if name != "" {
				var err error
				if takes, err = addFile(takes, name, rest[from:at]); err != nil {
					return nil, fmt.Errorf("file %q: %w", name, err)
				}
			}
			name, from = file, min(next, len(rest))
		}
		if at == len(rest) {
			break
		}
		at = min(next, len(rest))
	}
	return takes, nil
}

// marker gives the name in a line "-- NAME --", or nothing.
func marker(line string) string {
	line = strings.TrimSuffix(line, "\r")
	if !strings.HasPrefix(line, "-- ") || !strings.HasSuffix(line, " --") || len(line) < 7 {
		return ""
	}
	return strings.TrimSpace(line[3 : len(line)-3])
}

// addFile adds one file of the recording to the job that it belongs to.
func addFile(takes []Take, name, text string) ([]Take, error) {
	number, file, ok := strings.Cut(name, "/")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return nil, errdefs.InvalidArgument("its name is not NUMBER/NAME")
	}
	stream, suffix, _ := strings.Cut(file, ".")
	if suffix == "json" {
		if n != len(takes)+1 {
			return nil, errdefs.InvalidArgument("job %d comes after job %d", n, len(takes))
		}
		var t Take
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return nil, errdefs.As(errdefs.KindInvalidArgument, err)
		}
		return append(takes, t), nil
	}
	if n != len(takes) || n == 0 {
		return nil, errdefs.InvalidArgument("a stream of job %d comes after job %d", n, len(takes))
	}
	if text, err = decodeStream(suffix, text); err != nil {
		return nil, err
	}
	t := &takes[n-1]
	switch stream {
	case "stdin":
		t.Stdin = text
	case "stdout":
		t.Stdout = text
	case "stderr":
		t.Stderr = text
	default:
		return nil, errdefs.InvalidArgument("a job has no stream %q", stream)
	}
	return takes, nil
}
