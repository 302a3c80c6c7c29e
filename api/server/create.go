package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
)

// create takes the body of any version apart and runs the job create. Lines
// that the job writes to Stderr are warnings too.
func create(x *exchange, row *route) error {
	if _, err := x.values(); err != nil {
		return err
	}
	body, err := x.document()
	if err != nil {
		return err
	}
	parts, err := decodeCreate(x.v, body)
	if err != nil {
		return err
	}
	platform, err := wholePlatform(x.value("platform"))
	if err != nil {
		return err
	}
	var args []string
	if name := x.value("name"); name != "" {
		args = append(args, name)
	}
	job := x.job(x.r.Context(), row.job, args...)
	job.Setenv("Config", string(parts.config))
	if len(parts.host) > 0 {
		job.Setenv("HostConfig", string(parts.host))
	}
	if len(parts.networking) > 0 {
		job.Setenv("NetworkingConfig", string(parts.networking))
	}
	// What clients of these versions rely on when they do not say.
	if x.v < v1(40) {
		job.Setenv("DefaultIpcMode", "shareable")
	}
	if x.v < v1(41) {
		job.Setenv("DefaultCgroupnsMode", "host")
	}
	if platform != "" {
		job.Setenv("Platform", platform)
	}
	var out, warnings bytes.Buffer
	job.Stdout.Add(&out)
	job.Stderr.Add(&warnings)
	if err := x.run(job); err != nil {
		return err
	}
	var created api.ContainerCreated
	if err := json.Unmarshal(out.Bytes(), &created); err != nil {
		return errdefs.Internal("job %s wrote no JSON document: %w", row.job, err)
	}
	created.Warnings = append(created.Warnings, parts.warnings...)
	for _, line := range strings.Split(warnings.String(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			created.Warnings = append(created.Warnings, line)
		}
	}
	if created.Warnings == nil && !x.textErrors() {
		created.Warnings = []string{} // null for the classic ones
	}
	return x.sendJSON(http.StatusCreated, created)
}

// wholePlatform judges the form of os[/architecture[/variant]], before anything is
// looked for, and says of which system an architecture alone is.
func wholePlatform(platform string) (string, error) {
	parts := strings.Split(platform, "/")
	switch {
	case platform == "":
		return "", nil
	case len(parts) > 3 || slices.Contains(parts, ""):
		return "", errdefs.InvalidArgument("%q: cannot parse platform specifier: invalid argument", platform)
	case len(parts) > 1:
		return platform, nil
	}
	switch strings.ToLower(platform) {
	case "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly", "solaris", "illumos", "aix", "plan9", "android", "ios", "wasip1":
		return platform, nil
	case "386", "i386", "amd64", "x86_64", "x86-64", "arm", "armhf", "armel", "arm64", "aarch64", "loong64", "mips", "mipsle", "mips64", "mips64le",
		"ppc64", "ppc64le", "riscv64", "s390x", "wasm":
		return "linux/" + platform, nil
	}
	return "", errdefs.InvalidArgument("%q: unknown operating system or architecture: invalid argument", platform)
}

// sendJSON answers with one document.
func (x *exchange) sendJSON(code int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return errdefs.Internal("encoding the answer: %w", err)
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.w.WriteHeader(code)
	x.w.put(append(body, '\n'))
	return nil
}
