package integration

import (
	"fmt"
	"slices"
	"strings"
)

// difference is something that the descriptions do not say and the official
// engine does as well, or that we do on purpose. A fault is justified when it
// has all the words.
type difference struct {
	until string // the last version concerned; empty: all
	words []string
	why   string
}

// justified is the place in the list of the first difference that a fault is, or -1.
func justified(list []difference, version, fault string) int {
	return slices.IndexFunc(list, func(d difference) bool {
		return (d.until == "" || version <= d.until) && hasAll(fault, d.words)
	})
}

func hasAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

func differences() []difference {
	return []difference{
		{"", []string{"status 400 is not listed"}, "bad input is 400 everywhere; most operations list it in some versions only"},
		{"", []string{"GET /images/{name}/get: status 404"}, "an unknown image is 404; the description forgets it"},
		{"", []string{"/containers/{id}/pause: status 409"}, "a container that is not running cannot be paused: a conflict"},
		{"", []string{"/containers/{id}/unpause: status 409"}, "a container that is not paused cannot be unpaused: a conflict"},
		{"", []string{"/swarm/", ": status 501"}, "there is no swarm mode"},
		{"1.25", []string{": status 503 is not listed"}, "1.25 lists 500 for a node without swarm; later versions list 503"},
		{"", []string{"POST /images/create: status 503"}, "a registry that cannot be reached"},
		{"", []string{".HostConfig.MemorySwappiness: null"}, "null is: as the kernel has it; later descriptions say so"},
		{"", []string{"GET /distribution/{name}/json: status 503"}, "a registry that cannot be reached"},
		{"1.25", []string{"POST /plugins/{name}/", "able: status 404"}, "an unknown plugin; later versions list it"},
		{"1.32", []string{"GET /containers/{id}/json", ".HostConfig.PidsLimit: null"}, "null is: no limit; later descriptions say so"},
		{"1.32", []string{"/images/{name}/json", ".ContainerConfig.Entrypoint: null"}, "an empty list, as in Config"},
		{"", []string{"GET /exec/{id}/json: 200: .ExitCode: null"}, "null is: it has not ended"},
		{"1.32", []string{"GET /exec/{id}/json: 200: .", ": unknown"}, "the official engine sends members of later versions here as well"},
		{"1.51", []string{"GET /events: 200: .status: unknown"}, "what clients before 1.22 read is sent below 1.52"},
		{"1.51", []string{"GET /events: 200: .id: unknown"}, "as above"},
		{"1.51", []string{"GET /events: 200: .from: unknown"}, "as above"},
		{"1.32", []string{"GET /events: 200: .scope: unknown"}, "the change log has it in 1.30"},
		{"1.32", []string{"GET /distribution/{name}/json: 200: .Descriptor.", ": unknown"}, "the members have the names of OCI, as in the official engine; later descriptions say so"},
		{"1.32", []string{"GET /distribution/{name}/json: 200: .Platforms[].", ": unknown"}, "as above"},
		{"1.32", []string{".Config.Entrypoint: null"}, "an empty list; the types of the Config are lists or text in these versions"},
		{"1.32", []string{".Config.Cmd: null"}, "an empty list, as above"},
		{"1.32", []string{".ExecIDs: "}, "a list, or null; the description calls it a text"},
		{"1.32", []string{".HostConfig.PortBindings.*:", "want object"}, "a list of addresses; described as one address by mistake"},
		{"1.32", []string{".HostConfig.RestartPolicy.Name: no is none of"}, "the policy no is missing in the list"},
		{"1.25", []string{".NetworkSettings.Ports:", "want array"}, "a map by ports; described as a list by mistake"},
		{"1.32", []string{".IPAM.Options:", "want array"}, "a map; described as a list by mistake"},
		{"1.32", []string{"GET /system/df: 200: .Containers[]:", "want array"}, "rows; described as lists of rows by mistake"},
		{"1.41", []string{"GET /system/df: 200: .BuilderSize: unknown"}, "clients below 1.42 read it"},
		{"1.25", []string{": unknown"}, "the first description in YAML has few members of inspect and info; what 1.24 names must stay"},
		{"1.32", []string{"/containers", ": unknown"}, "the official engine sends members of later versions here as well"},
		{"1.32", []string{"GET /info: 200: ", ": unknown"}, "the official engine sends members of later versions here as well"},
		{"1.32", []string{"GET /networks", ".ConfigFrom: unknown"}, "the change log has it in 1.30"},
		{"1.32", []string{"GET /networks", ".ConfigOnly: unknown"}, "the change log has it in 1.30"},
		{"1.32", []string{"GET /system/df: 200: .BuildCache: unknown"}, "the official engine sends it to all versions below 1.52"},
		{"1.41", []string{".Networks.*.DNSNames: unknown"}, "the official engine sends it to older versions as well"},
		{"1.41", []string{".Networks.*.GwPriority: unknown"}, "the official engine sends it to older versions as well"},
		{"", []string{".HostConfig.OomKillDisable: null"}, "null is: as the kernel has it"},
	}
}

// conformancePage is the summary with all justified differences.
func conformancePage(line string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Conformance\n\nWritten by `TestConformance` of `integration` (UPDATE=1), which calls the operations of API 1.25, 1.32, 1.41, 1.51\n"+
		"and 1.55 and validates status and answer against the published descriptions:\n\n    %s\n\n"+
		"Each operation that an engine of one host has is called as it should be, and has to succeed; all are called for what is\n"+
		"not there, without parameters that must be, and with every parameter and every member of a body in a type that it cannot have.\n"+
		"Not checked: formats of texts, null lists and maps, and members unknown to 1.25, which are all let pass.\n\n"+
		"| Up to version | Difference | Why |\n| --- | --- | --- |\n", line)
	for _, d := range differences() {
		until := d.until
		if until == "" {
			until = "all"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", until, strings.Join(d.words, " … "), d.why)
	}
	b.WriteString("\n## API 1.6 to 1.24\n\nTheir descriptions are texts with examples. `TestClassicConformance` makes the calls of all nineteen and looks\n" +
		"for every member of the examples in the answers, at its place and of its type.\n\n| Difference | Why |\n| --- | --- |\n")
	for _, d := range classicDifferences() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d[0], d[1])
	}
	return b.String()
}
