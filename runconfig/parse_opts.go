package runconfig

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/docker/go-units"
)

// The functions here judge one element of a repeatable flag; the command line
// shows their errors as: invalid value "V" for flag -x: <error>.

func checkAttach(text string) (string, error) {
	switch s := strings.ToLower(text); s {
	case "stdin", "stdout", "stderr":
		return s, nil
	}
	return "", fmt.Errorf("valid streams are STDIN, STDOUT and STDERR.")
}

func checkEnv(text string) (string, error) {
	if text == "" || strings.HasPrefix(text, "=") {
		return "", fmt.Errorf("invalid environment variable: %s", text)
	}
	return text, nil
}

func checkIP(text string) (string, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("%s is not an ip address", text)
	}
	return addr.String(), nil
}

// CheckDNSSearch accepts a domain name and ".", which means no search list.
func CheckDNSSearch(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "." {
		return text, nil
	}
	if !isDomain(text) {
		return "", fmt.Errorf("%s is not a valid domain", text)
	}
	return strings.TrimSuffix(text, "."), nil
}

// isDomain wants labels of letters, digits, dashes and underscores, and a
// letter somewhere.
func isDomain(text string) bool {
	letter := false
	name := strings.TrimSuffix(text, ".")
	if name == "" || len(name) > 255 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
				letter = true
			case r >= '0' && r <= '9', r == '-', r == '_':
			default:
				return false
			}
		}
	}
	return letter
}

// checkExtraHost wants host:ip. The address may be IPv6, with or without
// brackets, or the word host-gateway.
func checkExtraHost(text string) (string, error) {
	host, addr, ok := strings.Cut(text, ":")
	if !ok || host == "" || addr == "" {
		return "", fmt.Errorf("bad format for add-host: %s", text)
	}
	if addr == "host-gateway" {
		return text, nil
	}
	bare := addr
	if strings.HasPrefix(addr, "[") && strings.HasSuffix(addr, "]") {
		bare = addr[1 : len(addr)-1]
	}
	if strings.Contains(bare, ":") {
		if _, err := netip.ParseAddr(bare); err != nil {
			return "", fmt.Errorf("bad format for add-host: %s", text)
		}
	}
	if _, err := checkIP(bare); err != nil {
		return "", err
	}
	return host + ":" + bare, nil
}

func checkLink(text string) (string, error) {
	if _, _, err := ParseLink(text); err != nil {
		return "", err
	}
	return text, nil
}

// ParseLink splits name:alias.
func ParseLink(text string) (name, alias string, err error) {
	name, alias, ok := strings.Cut(text, ":")
	if !ok || name == "" || alias == "" || strings.Contains(alias, ":") {
		return "", "", templateError(text, "name:alias")
	}
	return name, alias, nil
}

func templateError(text, template string) error {
	return fmt.Errorf("Invalid format to parse.  %s should match template %s", text, template)
}

// keyValues reads key=value texts. what names the thing in errors.
func keyValues(list []string, what string) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(list))
	for _, text := range list {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("invalid %s %q: it should look like key=value", what, text)
		}
		m[key] = value
	}
	return m, nil
}

// ParseSize reads a number of bytes with an optional unit (b, k, m, g, t, p;
// powers of 1024).
func ParseSize(text string) (int64, error) {
	n, err := units.RAMInBytes(text)
	if err != nil || n < 0 || text == "" || text[0] < '0' || text[0] > '9' || strings.ContainsAny(text, "eExX_nN") {
		return 0, fmt.Errorf("invalid size: '%s'", text)
	}
	return n, nil
}
