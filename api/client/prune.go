package client

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// confirm asks a person; everything but y is no.
func (cli *CLI) confirm(question string) bool {
	fmt.Fprintf(cli.Out, "%s\nAre you sure you want to continue? [y/N] ", question)
	if cli.In == nil {
		return false
	}
	line, _ := bufio.NewReader(cli.In).ReadString('\n') // no answer is no
	return strings.EqualFold(strings.TrimSpace(line), "y")
}

// prune asks the daemon to remove all of a kind that nothing uses.
func (cli *CLI) prune(ctx context.Context, path string, filters []string, answer any) error {
	filters, err := cli.pruneFilters(filters)
	if err != nil {
		return err
	}
	query := url.Values{}
	setFilters(query, filters)
	return cli.http.callJSON(ctx, request{method: http.MethodPost, path: path, query: query}, answer)
}

// pruned tells what was removed and how much that was.
func (cli *CLI) pruned(what string, names []string) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(cli.Out, "Deleted %s:\n%s\n\n", what, strings.Join(names, "\n"))
}

func (cli *CLI) reclaimed(size int64) {
	fmt.Fprintf(cli.Out, "Total reclaimed space: %s\n", tightSize(size))
}
