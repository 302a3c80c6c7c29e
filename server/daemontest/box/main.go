// Command box is a whole root file system in one static program: the commands
// that containers of the fake exec driver understand (execdriver/fake), for real
// ones, so that a test says the same to both. It is what daemontest's image
// "box" holds. It owns nothing and imports nothing of the module; start reading
// at run.
//
//	echo [-n] WORD...  cat  sleep SECONDS  exit N  tick N SECONDS  true  false
//	ignore-term  sh -c SCRIPT (commands joined by ; newlines && ||, ">&2" at their end)
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	// The kernel kills no process 1 by a signal that it does not handle.
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, syscall.SIGINT)
	go func() { // ends with the process
		if s, ok := (<-term).(syscall.Signal); ok {
			os.Exit(128 + int(s))
		}
	}()
	args := os.Args
	args[0] = filepath.Base(args[0])
	if args[0] == "box" {
		args = args[1:]
	}
	code, _ := run(args)
	os.Exit(code)
}

// run runs one command and tells whether the whole script ends with it.
func run(args []string) (code int, end bool) {
	if len(args) == 0 {
		return 0, false
	}
	out, name := io.Writer(os.Stdout), filepath.Base(args[0])
	if n := len(args) - 1; args[n] == ">&2" {
		out, args = os.Stderr, args[:n]
	}
	switch name {
	case "true", ":":
	case "false":
		return 1, false
	case "echo":
		words, newline := args[1:], "\n"
		if len(words) > 0 && words[0] == "-n" {
			words, newline = words[1:], ""
		}
		fmt.Fprint(out, strings.Join(words, " ")+newline)
	case "cat":
		if _, err := io.Copy(out, os.Stdin); err != nil {
			return 1, false
		}
	case "sleep":
		time.Sleep(seconds(args, 1))
	case "exit":
		return int(number(args, 1)) & 255, true
	case "tick":
		for i := 1; i <= int(number(args, 1)); i++ {
			time.Sleep(seconds(args, 2))
			fmt.Fprintln(out, i)
		}
	case "ignore-term":
		signal.Ignore(syscall.SIGTERM)
	case "sh", "bash":
		if len(args) < 3 || args[1] != "-c" {
			return 2, false
		}
		return script(args[2])
	default:
		fmt.Fprintf(os.Stderr, "sh: %s: not found\n", name)
		return 127, false
	}
	return 0, false
}

func number(args []string, i int) float64 {
	if i >= len(args) {
		return 0
	}
	n, _ := strconv.ParseFloat(args[i], 64) // what is no number is 0
	return n
}

func seconds(args []string, i int) time.Duration {
	return time.Duration(number(args, i) * float64(time.Second))
}

// script runs commands one after the other.
func script(text string) (code int, end bool) {
	var command []string
	joined := ";"
	for _, word := range append(split(text), ";") {
		if word != ";" && word != "&&" && word != "||" {
			command = append(command, word)
			continue
		}
		if len(command) > 0 && (joined != "&&" || code == 0) && (joined != "||" || code != 0) {
			if code, end = run(command); end {
				return code, true
			}
		}
		command, joined = nil, word
	}
	return code, false
}

// split cuts a script into words and separators. Quotes group, nothing expands.
func split(script string) []string {
	var words []string
	var word strings.Builder
	quote, in := rune(0), false
	flush := func() {
		if in {
			words = append(words, word.String())
			word.Reset()
			in = false
		}
	}
	for _, r := range script {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ';' || r == '\n':
			flush()
			words = append(words, ";")
		case r == ' ' || r == '\t':
			flush()
		default:
			word.WriteRune(r)
			in = true
		}
	}
	flush()
	return words
}
