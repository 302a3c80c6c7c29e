package daemontest

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

func removeBridge(name string) error {
	if out, err := exec.Command("ip", "link", "del", name).CombinedOutput(); err != nil {
		return fmt.Errorf("removing bridge %s: %w: %s", name, err, out)
	}
	return nil
}
