// Command leakcheck tells what a command has left on this machine. It owns no
// state. Usage: leakcheck save FILE before, leakcheck compare FILE after; the
// second exits 1 when something was left. All knowledge is in package
// integration/leakcheck.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/enginejobs/docker/integration/leakcheck"
)

// patience is how long the kernel gets to end what has lost its last user.
const patience = 5 * time.Second

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "leakcheck:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: leakcheck save|compare FILE")
	}
	switch args[0] {
	case "save":
		text, err := json.Marshal(leakcheck.Take())
		if err != nil {
			return err
		}
		return os.WriteFile(args[1], text, 0o600)
	case "compare":
		text, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		before := leakcheck.Snapshot{}
		if err := json.Unmarshal(text, &before); err != nil {
			return fmt.Errorf("reading %s: %w", args[1], err)
		}
		leaked := leakcheck.Wait(before, patience)
		for _, line := range leaked {
			fmt.Fprintln(out, "left behind:", line)
		}
		if len(leaked) > 0 {
			return fmt.Errorf("%d things were left behind", len(leaked))
		}
		fmt.Fprintln(out, "nothing was left behind")
		return nil
	}
	return fmt.Errorf("unknown command %q: want save or compare", args[0])
}
