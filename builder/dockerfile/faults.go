package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/enginejobs/docker/errdefs"
)

func itoa(n int) string { return strconv.Itoa(n) }

// readable refuses what is no text to parse.
func readable(text []byte, opt Options) error {
	if len(text) > MaxSize {
		return errdefs.InvalidArgument("the Dockerfile (%s) has more than the %d bytes that are read", opt.Name, MaxSize)
	}
	if len(bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))) == 0 {
		return empty(opt)
	}
	if line := binary(text); line > 0 {
		return errdefs.InvalidArgument("the Dockerfile (%s) is not a text: line %d has control characters", opt.Name, line)
	}
	return nil
}

// empty has the text of the version.
func empty(opt Options) error {
	if opt.Classic {
		return errdefs.InvalidArgument("Dockerfile cannot be empty")
	}
	return errdefs.InvalidArgument("the Dockerfile (%s) cannot be empty", opt.Name)
}

// binary gives the first line that no text has, from 1, or 0. Files in an encoding
// of old have been built for years; only control characters tell.
func binary(text []byte) (line int) {
	unicode := utf8.Valid(text)
	line = 1
	for _, c := range text {
		switch {
		case c == '\n':
			line++
		case c == 0, !unicode && c < ' ' && c != '\r' && c != '\t' && c != '\f' && c != '\v' && c != 0x1b:
			return line
		}
	}
	return 0
}

// instructed tells whether there is more than comments.
func instructed(text []byte) bool {
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return true
		}
	}
	return false
}

// parseError says what is wrong in which line, in the words of Docker.
func parseError(err error, line int, opt Options) error {
	var unknown *instructions.UnknownInstructionError
	if errors.As(err, &unknown) {
		name := strings.ToUpper(unknown.Instruction)
		if opt.Classic {
			return errdefs.InvalidArgument("Unknown instruction: %s", name)
		}
		return at(max(line, unknown.Line), "unknown instruction: %s", name)
	}
	var located *parser.LocationError
	if line == 0 && errors.As(err, &located) && len(located.Locations) > 0 && len(located.Locations[0]) > 0 {
		line = max(1, located.Locations[0][0].Start.Line)
	}
	if line == 0 {
		return errdefs.InvalidArgument("dockerfile parse error: %w", err)
	}
	return errdefs.InvalidArgument("dockerfile parse error line %d: %w", line, err)
}

// at names the line of what is found wrong after parsing.
func at(line int, format string, args ...any) error {
	return errdefs.InvalidArgument("dockerfile parse error line %d: %w", line, fmt.Errorf(format, args...))
}
