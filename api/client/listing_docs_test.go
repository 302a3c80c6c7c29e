package client

import (
	"os"
	"strings"
	"testing"
)

// docs/formats.md names every field that has a column.
func TestFieldsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	for command, kind := range map[string]listing{
		"ps": psListing(true), "images": imagesListing(true), "history": historyListing(true), "stats": statsListing(), "network ls": networkListing(),
		"volume ls": volumeListing(), "system df": dfListing(), "system df -v": cacheListing(), "context ls": contextListing(), "job ls": jobListing(),
	} {
		_, row, found := strings.Cut(string(page), "\n| `"+command+"` |")
		row, _, _ = strings.Cut(row, "\n")
		if !found {
			t.Errorf("%s has no row", command)
		}
		for field := range kind.header {
			if !strings.Contains(row, "`."+field+"`") {
				t.Errorf("%s: .%s is not in its row", command, field)
			}
		}
	}
}
