package fake

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// command is a workload, or a step of one: it runs and returns an exit code, and
// whether the whole script ends with it.
type command func(*process) (code int, end bool)

// commands lists what a fake container can run.
//
//	echo [-n] WORD...   prints its words
//	cat                 copies stdin to stdout until its end
//	sleep SECONDS       fractions are allowed
//	exit N              ends the script with N
//	tick N SECONDS      prints the numbers 1 to N, one each SECONDS
//	ignore-term         from here on SIGTERM does nothing
//	pwd                 prints the directory
//	env                 prints the variables
//	id -u               prints the number of the user
//	stty size           prints the height and width of the terminal
//	seq N               prints the numbers 1 to N
//	true, false
//	sh -c SCRIPT        commands joined by ";", newlines, "&&" or "||"; ">&2" at the end of
//	                    a command sends its output to stderr; quotes group words
func parseScript(args []string) (command, error) {
	if len(args) == 0 {
		return nil, errdefs.InvalidArgument("no command specified")
	}
	name := args[0][strings.LastIndexByte(args[0], '/')+1:]
	if (name == "sh" || name == "bash") && len(args) >= 3 && args[1] == "-c" {
		return shell(args[2])
	}
	return simple(name, args[1:])
}

func simple(name string, args []string) (command, error) {
	toStderr := len(args) > 0 && args[len(args)-1] == ">&2"
	if toStderr {
		args = args[:len(args)-1]
	}
	switch name {
	case "true", ":":
		return func(*process) (int, bool) { return 0, false }, nil
	case "false":
		return func(*process) (int, bool) { return 1, false }, nil
	case "echo":
		text := strings.Join(args, " ") + "\n"
		if len(args) > 0 && args[0] == "-n" {
			text = strings.Join(args[1:], " ")
		}
		return func(p *process) (int, bool) { p.write(text, toStderr); return 0, false }, nil
	case "cat":
		return cat, nil
	case "ignore-term":
		return func(p *process) (int, bool) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.ignoreTerm = true
			return 0, false
		}, nil
	case "sleep", "exit", "tick", "seq":
		return timed(name, args)
	case "pwd", "env", "id", "stty":
		return func(p *process) (int, bool) {
			text, ok := p.tell(name)
			if !ok {
				return 1, false
			}
			p.write(text+"\n", toStderr)
			return 0, false
		}, nil
	}
	err := &execdriver.StartError{Step: "exec", Object: name, Err: syscall.ENOENT}
	return nil, &errdefs.Error{Kind: errdefs.KindNotFound, Code: 127, Err: err}
}

func timed(name string, args []string) (command, error) {
	var numbers []float64
	for _, a := range args {
		n, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return nil, errdefs.InvalidArgument("%s: %q is not a number", name, a)
		}
		numbers = append(numbers, n)
	}
	numbers = append(numbers, 0, 0)
	seconds := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	switch name {
	case "sleep":
		return func(p *process) (int, bool) { p.sleep(seconds(numbers[0])); return 0, false }, nil
	case "exit":
		return func(*process) (int, bool) { return int(numbers[0]) & 255, true }, nil
	case "seq":
		return func(p *process) (int, bool) {
			var text strings.Builder
			for i := 1; i <= int(numbers[0]); i++ {
				fmt.Fprintln(&text, i)
			}
			p.write(text.String(), false)
			return 0, false
		}, nil
	}
	return func(p *process) (int, bool) {
		for i := 1; i <= int(numbers[0]) && p.sleep(seconds(numbers[1])); i++ {
			p.write(fmt.Sprintf("%d\n", i), false)
		}
		return 0, false
	}, nil
}

// tell answers what a process can ask about itself.
func (p *process) tell(name string) (text string, ok bool) {
	switch name {
	case "pwd":
		return cmp.Or(p.spec.Dir, "/"), true
	case "id":
		return strconv.Itoa(p.uid), true
	case "stty":
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Sprintf("%d %d", p.height, p.width), p.tty
	}
	return strings.Join(p.spec.Env, "\n"), true
}

// cat copies the input. A terminal shows what is typed, and then what cat says.
func cat(p *process) (int, bool) {
	if p.stdin == nil {
		return 0, false
	}
	buf := make([]byte, 4096)
	for {
		n, err := p.stdin.Read(buf)
		if n > 0 && p.tty {
			p.write(string(buf[:n]), false)
		}
		if n > 0 {
			p.write(string(buf[:n]), false)
		}
		if err != nil {
			return 0, false
		}
	}
}

// shell makes a list of commands into one.
func shell(script string) (command, error) {
	words, err := split(script)
	if err != nil {
		return nil, err
	}
	type step struct {
		run    command
		joined string // the separator in front of it
	}
	var steps []step
	joined, from := ";", 0
	for i := 0; i <= len(words); i++ {
		if i < len(words) && !separator(words[i]) {
			continue
		}
		if i > from {
			run, err := simple(words[from], words[from+1:i])
			if errdefs.IsNotFound(err) { // a shell starts, and reports the missing program itself
				missing := words[from]
				run = func(p *process) (int, bool) { p.write("sh: "+missing+": not found\n", true); return 127, false }
			} else if err != nil {
				return nil, err
			}
			steps = append(steps, step{run, joined})
		}
		if i < len(words) {
			joined = words[i]
		}
		from = i + 1
	}
	return func(p *process) (code int, end bool) {
		for _, s := range steps {
			if s.joined == "&&" && code != 0 || s.joined == "||" && code == 0 {
				continue
			}
			p.gate()
			if code, end = s.run(p); end || p.dead() {
				break
			}
		}
		return code, end
	}, nil
}

func (p *process) dead() bool {
	select {
	case <-p.killed:
		return true
	default:
		return false
	}
}

func separator(w string) bool { return w == ";" || w == "&&" || w == "||" }

// split cuts a script into words and separators. Quotes group, nothing expands.
func split(script string) ([]string, error) {
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
	if quote != 0 {
		return nil, errors.New("a quote of the script is not closed")
	}
	return words, nil
}
