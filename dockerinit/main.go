// Command dockerinit is the small static program behind containers: as "init" it
// sets up one from the inside and executes its workload, as "exec" it adds a
// process to one that runs, as "engine" it is the exec engine that parents them
// all. Nobody calls it by hand. It owns nothing;
// start reading at sysinit.Init, sysinit.Exec and execengine.Main. It must stay small: what it
// imports is paid for at the start of each container.
package main

import (
	"fmt"
	"os"

	"github.com/enginejobs/docker/execdriver/native/execengine"
	"github.com/enginejobs/docker/execdriver/native/initproto"
	"github.com/enginejobs/docker/sysinit"
)

func main() {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch role {
	case initproto.RoleInit:
		os.Exit(sysinit.Init())
	case initproto.RoleWorkload:
		os.Exit(sysinit.Workload())
	case initproto.RoleExec:
		os.Exit(sysinit.Exec(os.Args[2:]))
	case execengine.Role:
		os.Exit(execengine.Main(os.Args[2:], os.Stderr))
	}
	fmt.Fprintln(os.Stderr, "dockerinit is started by docker -d and cannot be used alone")
	os.Exit(2)
}
