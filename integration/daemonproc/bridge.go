package daemonproc

import (
	"fmt"
	"os/exec"
	"strings"
)

// makeBridge makes a bridge that no other daemon uses: ejt<n> with the network
// 10.213.<n>.0/24. The link's name is the lock: whoever makes it has it.
func makeBridge() (name, subnet string, err error) {
	var out []byte
	for n := range 250 {
		name, subnet = fmt.Sprintf("ejt%d", n), fmt.Sprintf("10.213.%d", n)
		if out, err = exec.Command("ip", "link", "add", name, "type", "bridge").CombinedOutput(); err != nil {
			continue
		}
		for _, args := range [][]string{
			{"addr", "add", subnet + ".1/24", "dev", name},
			{"link", "set", name, "up"},
		} {
			if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
				return "", "", fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
			}
		}
		return name, subnet, nil
	}
	return "", "", fmt.Errorf("making a bridge: %w: %s", err, out)
}

// removeBridge takes the bridge away, and first what hangs on it: a daemon that
// was killed did not come to it.
func removeBridge(name string) error {
	ports, err := exec.Command("ip", "-o", "link", "show", "master", name).Output()
	if err != nil {
		return fmt.Errorf("listing ports of %s: %w", name, err)
	}
	for line := range strings.Lines(string(ports)) {
		if fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ':' || r == '@' }); len(fields) > 1 {
			_ = exec.Command("ip", "link", "del", fields[1]).Run() // it may vanish by itself meanwhile
		}
	}
	if out, err := exec.Command("ip", "link", "del", name).CombinedOutput(); err != nil {
		return fmt.Errorf("removing bridge %s: %w: %s", name, err, out)
	}
	return nil
}
