package logdriver

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Sizes that hold when nothing is said; those of local are Docker's.
const (
	localMaxSize     = 20 << 20
	localMaxFile     = 5
	defaultMaxBuffer = 1_000_000
)

// options lists what each driver takes besides mode and max-buffer-size.
func options(driver string) []string {
	switch driver {
	case JSONFile:
		return []string{"max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag"}
	case Local:
		return []string{"max-size", "max-file", "compress"}
	}
	return nil
}

// Drivers lists the names of the drivers, sorted.
func Drivers() []string { return []string{JSONFile, Local, None} }

// Readable tells whether what the driver has written can be read.
func Readable(driver string) bool { return driver != None }

// Parse checks a driver and its options, as the API names them, and makes a Spec
// that lacks Path and Attrs. "" is json-file. Errors are InvalidArgument.
func Parse(driver string, opts map[string]string) (Spec, error) {
	if driver == "" {
		driver = JSONFile
	}
	spec := Spec{Driver: driver}
	if driver == None {
		return spec, nil // the options of another driver do no harm
	}
	if err := spec.parseMode(opts); err != nil {
		return spec, err
	}
	known := options(driver)
	if known == nil {
		return spec, errdefs.InvalidArgument("logger: no log driver named '%s' is registered", driver)
	}
	for _, key := range slices.Sorted(maps.Keys(opts)) {
		if key == "mode" || key == "max-buffer-size" || slices.Contains(known, key) {
			continue
		}
		if driver == JSONFile {
			return spec, errdefs.InvalidArgument("unknown log opt '%s' for json-file log driver", key)
		}
		return spec, errdefs.InvalidArgument("unknown log opt '%s' for log driver %s", key, driver)
	}
	if err := spec.parseFiles(opts); err != nil {
		return spec, err
	}
	_, err := newSelection(opts)
	return spec, err
}

func (s *Spec) parseMode(opts map[string]string) error {
	switch s.Mode = opts["mode"]; s.Mode {
	case "", Blocking, NonBlocking:
	default:
		return errdefs.InvalidArgument("logger: logging mode not supported: %s", s.Mode)
	}
	text, set := opts["max-buffer-size"]
	if set && s.Mode != NonBlocking {
		return errdefs.InvalidArgument("logger: max-buffer-size option is only supported with 'mode=%s'", NonBlocking)
	}
	if s.Mode != NonBlocking {
		return nil
	}
	if s.MaxBuffer = defaultMaxBuffer; set {
		n, err := parseSize(text, 1024)
		if err != nil {
			return errdefs.InvalidArgument("error parsing option max-buffer-size: %w", err)
		}
		s.MaxBuffer = n
	}
	return nil
}

func (s *Spec) parseFiles(opts map[string]string) error {
	s.MaxFile = 1
	if s.Driver == Local {
		s.MaxSize, s.MaxFile, s.Compress = localMaxSize, localMaxFile, true
	}
	if text, set := opts["max-size"]; set {
		n, err := parseSize(text, 1000)
		if err != nil {
			return errdefs.InvalidArgument("log opt max-size: %w", err)
		}
		if n <= 0 {
			return errdefs.InvalidArgument("max-size must be a positive number")
		}
		s.MaxSize = n
	}
	if text, set := opts["max-file"]; set {
		n, err := strconv.Atoi(text)
		if err != nil {
			return errdefs.InvalidArgument("log opt max-file: %q is no number", text)
		}
		if n < 1 {
			return errdefs.InvalidArgument("max-file cannot be less than 1")
		}
		s.MaxFile = n
	}
	text, set := opts["compress"]
	if set {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return errdefs.InvalidArgument("log opt compress: %q is neither true nor false", text)
		}
		s.Compress = on
	}
	if s.Compress && (s.MaxFile == 1 || s.MaxSize == 0) {
		if set {
			return errdefs.InvalidArgument("compress cannot be true when max-file is less than 2 or max-size is not set")
		}
		s.Compress = false
	}
	return nil
}

// parseSize reads a number of bytes: "100", "10k", "1.5MB", "2GiB". Its units
// are powers of base, 1000 or 1024.
func parseSize(text string, base float64) (int64, error) {
	digits := strings.TrimRight(text, " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := strings.ToLower(strings.TrimSpace(text[len(digits):]))
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 {
		return 0, errdefs.InvalidArgument("invalid size: '%s'", text)
	}
	unit = strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i")
	power := strings.Index("kmgtp", unit)
	if len(unit) > 1 || power < 0 {
		return 0, errdefs.InvalidArgument("invalid suffix: '%s'", text[len(digits):])
	}
	if unit != "" {
		for range power + 1 {
			n *= base
		}
	}
	if n > 1<<62 {
		return 0, errdefs.InvalidArgument("invalid size: '%s'", text)
	}
	return int64(n), nil
}
