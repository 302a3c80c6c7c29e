package client

import (
	"slices"
	"strings"
)

// formatOr is the format of a list: what the command line says, else what the
// user's configuration has under this name, else "".
func (cli *CLI) formatOr(given string, quiet bool, member string) string {
	if given != "" || quiet {
		return given
	}
	file, err := cli.configFile()
	if err != nil {
		return "" // it has been told
	}
	return file.Text(member)
}

// pruneFilters are the filters of a prune: those of the command line, and the
// labels that the user's configuration has under pruneFilters. A label of the
// command line that says the opposite wins.
func (cli *CLI) pruneFilters(given []string) ([]string, error) {
	file, err := cli.configFile()
	if err != nil {
		return nil, err
	}
	list := slices.Clone(given)
	for _, filter := range file.List("pruneFilters") {
		key, value, ok := strings.Cut(filter, "=")
		opposite := map[string]string{"label": "label!=", "label!": "label="}[key] + value
		if ok && !slices.Contains(given, opposite) && !slices.Contains(given, filter) {
			list = append(list, filter)
		}
	}
	return list, nil
}
