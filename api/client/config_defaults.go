package client

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What config.json says for all commands: headers of requests, keys that
// detach, proxies of containers and builds. Each is for when the command line
// says nothing.

// applyHeaders adds the HttpHeaders of the configuration to all requests. A file
// that cannot be read stops nobody who needs nothing of it.
func (cli *CLI) applyHeaders() {
	file, err := cli.configFile()
	if err != nil {
		fmt.Fprintf(cli.Err, "WARNING: Error loading config file: %v\n", err)
		return
	}
	cli.http.headers = file.Headers()
}

// detachKeysOr is --detach-keys, or what the configuration has.
func (cli *CLI) detachKeysOr(given string) string {
	if given != "" {
		return given
	}
	file, err := cli.configFile()
	if err != nil {
		return "" // it has been told
	}
	return file.Text("detachKeys")
}

// withProxies adds the proxies of the configuration to variables, NAME=VALUE or
// NAME, that do not say anything of them.
func (cli *CLI) withProxies(env []string) []string {
	file, err := cli.configFile()
	if err != nil {
		return env // it has been told
	}
	proxies := file.Proxies(cli.http.proto + "://" + cli.http.addr)
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		delete(proxies, name)
	}
	env = slices.Clip(env)
	for _, name := range slices.Sorted(maps.Keys(proxies)) {
		env = append(env, name+"="+proxies[name])
	}
	return env
}
