package dockerfile

import (
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// Args are the values of ARG in a build. Make them with NewArgs and one copy for
// each stage with Stage. They are not safe for concurrent use.
type Args struct {
	given    map[string]*string // by the caller
	platform map[string]string  // TARGETOS and its like
	meta     map[string]string  // of the ARGs before the first FROM
	allowed  map[string]*string // declared in this stage, and with which default
	used     map[string]bool    // of given
}

// predefined are the arguments that need no ARG. They are not part of what the
// cache compares (Dockerfile reference, "Predefined ARGs").
func predefined(name string) bool {
	switch strings.ToUpper(name) {
	case "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY":
		return name == strings.ToUpper(name) || name == strings.ToLower(name)
	}
	return false
}

// NewArgs makes the arguments of a build. A platform is os[/arch[/variant]].
func NewArgs(given map[string]*string, platform, host string) *Args {
	if host == "" {
		host = "linux/" + runtime.GOARCH
	}
	if platform == "" {
		platform = host
	}
	a := &Args{given: given, platform: map[string]string{}, meta: map[string]string{}, allowed: map[string]*string{}, used: map[string]bool{}}
	for prefix, p := range map[string]string{"TARGET": platform, "BUILD": host} {
		system, arch, _ := strings.Cut(p, "/")
		arch, variant, _ := strings.Cut(arch, "/")
		if arch == "" {
			arch = runtime.GOARCH
		}
		full := system + "/" + arch
		if variant != "" {
			full += "/" + variant
		}
		a.platform[prefix+"PLATFORM"], a.platform[prefix+"OS"] = full, system
		a.platform[prefix+"ARCH"], a.platform[prefix+"VARIANT"] = arch, variant
	}
	return a
}

// AddMeta takes the ARGs before the first FROM, which those of FROM see, and stages
// that declare them again.
func (a *Args) AddMeta(list []*instructions.ArgCommand, escape rune) error {
	for _, cmd := range list {
		line := 1
		if l := cmd.Location(); len(l) > 0 {
			line = l[0].Start.Line
		}
		for _, arg := range cmd.Args {
			key, err := a.expandMeta(arg.Key, escape)
			if err != nil {
				return at(line, "ARG %s: %w", arg.Key, err)
			}
			v, given := a.given[key]
			if given {
				a.used[key] = true
			}
			switch {
			case given && v != nil:
				a.meta[key] = *v
			case arg.Value != nil:
				if a.meta[key], err = a.expandMeta(*arg.Value, escape); err != nil {
					return at(line, "ARG %s: %w", arg.Key, err)
				}
			}
		}
	}
	return nil
}

// expandMeta expands what stands in a line of FROM.
func (a *Args) expandMeta(word string, escape rune) (string, error) {
	return newExpansion(append(pairs(a.meta), pairs(a.platform)...), escape).word(word)
}

func pairs(m map[string]string) []string {
	list := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, k+"="+m[k])
	}
	return list
}

// Stage gives the arguments for a stage: none is declared yet. What the stage
// uses counts for all.
func (a *Args) Stage() *Args {
	b := *a
	b.allowed = map[string]*string{}
	b.used = map[string]bool{}
	return &b
}

// Join counts what a stage has used.
func (a *Args) Join(stage *Args) {
	for name := range stage.used {
		a.used[name] = true
	}
}

// apply is ARG in a stage, after Expand.
func (a *Args) apply(c *instructions.ArgCommand) string {
	words := make([]string, 0, len(c.Args))
	for _, arg := range c.Args {
		word := arg.Key
		if arg.Value != nil {
			word += "=" + *arg.Value
		}
		words = append(words, word)
		a.allowed[arg.Key] = arg.Value
		if _, ok := a.given[arg.Key]; ok {
			a.used[arg.Key] = true
		}
	}
	return "ARG " + strings.Join(words, " ")
}

// value of a declared argument: the caller's, its default, that of the ARG
// before FROM, that of the platform.
func (a *Args) value(name string) (string, bool) {
	byDefault, declared := a.allowed[name]
	if v, ok := a.given[name]; ok && v != nil && (declared || predefined(name)) {
		return *v, true
	}
	if !declared {
		if v, ok := a.meta[name]; ok && predefined(name) {
			return v, true
		}
		return "", false
	}
	if byDefault != nil {
		return *byDefault, true
	}
	if v, ok := a.meta[name]; ok {
		return v, true
	}
	v, ok := a.platform[name]
	return v, ok
}

// Env is what instructions are expanded with: the environment of the image, and
// the arguments that it does not hide.
func (a *Args) Env(config []string) []string {
	list := slices.Clone(config)
	for _, name := range a.names() {
		if v, ok := a.value(name); ok && !has(config, name) {
			list = append(list, name+"="+v)
		}
	}
	return list
}

// names are those that may have a value here, sorted.
func (a *Args) names() []string {
	var list []string
	for name := range a.allowed {
		list = append(list, name)
	}
	for name := range a.given {
		if predefined(name) {
			list = append(list, name)
		}
	}
	for name := range a.meta {
		if predefined(name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Run lists the arguments that a RUN gets besides the environment of the image,
// sorted by name, and those of them that the cache compares.
func (a *Args) Run(config []string) (all, compared []string) {
	for _, name := range a.names() {
		v, ok := a.value(name)
		if !ok || has(config, name) {
			continue
		}
		all = append(all, name+"="+v)
		if _, declared := a.allowed[name]; declared {
			compared = append(compared, name+"="+v)
		}
	}
	return all, compared
}

// Record is the command of a RUN as history and cache have it: when there are
// arguments, those that are compared stand before it, after their number, which
// is 0 when none of them is.
func (a *Args) Record(config, command []string) []string {
	all, compared := a.Run(config)
	if len(all) == 0 {
		return command
	}
	slices.Sort(compared)
	return slices.Concat([]string{"|" + itoa(len(compared))}, compared, command)
}

// Unused lists the caller's arguments that no ARG took, sorted.
func (a *Args) Unused() []string {
	var list []string
	for name := range a.given {
		if !a.used[name] && !predefined(name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
