package client

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/enginejobs/docker/runconfig"
)

// --use-api-socket of run and create: the container gets the daemon's socket
// where clients look for it, and the user's credentials in a file of its own,
// which DOCKER_CONFIG points to.

const (
	socketInside      = "/var/run/docker.sock"
	credentialsInside = "/run/secrets/docker"
)

// lendSocket adds the socket and the variable to a container that is to be made.
func (cli *CLI) lendSocket(p *runconfig.Parsed) error {
	if cli.http.proto != "unix" {
		return fmt.Errorf("flag --use-api-socket can only be used with unix sockets: docker endpoint %s://%s incompatible",
			cli.http.proto, cli.http.addr)
	}
	p.HostConfig.Mounts = append(p.HostConfig.Mounts, runconfig.Mount{Type: "bind", Source: cli.http.addr, Target: socketInside})
	if !ownDockerConfig(p.Config.Env) {
		p.Config.Env = append(p.Config.Env, "DOCKER_CONFIG="+credentialsInside)
	}
	return nil
}

func ownDockerConfig(env []string) bool {
	for _, v := range env {
		if strings.HasPrefix(v, "DOCKER_CONFIG=") && v != "DOCKER_CONFIG="+credentialsInside {
			return true
		}
	}
	return false
}

// lendCredentials copies what the user's configuration and its helpers know of
// registries into the new container; not when the user has set DOCKER_CONFIG.
func (cli *CLI) lendCredentials(ctx context.Context, p *runconfig.Parsed, id string) error {
	if ownDockerConfig(p.Config.Env) {
		return nil
	}
	file, err := cli.configFile()
	if err != nil {
		return err
	}
	all, err := file.All(ctx)
	if err != nil {
		return err
	}
	type entry struct {
		Auth          string `json:"auth,omitempty"`
		IdentityToken string `json:"identitytoken,omitempty"`
	}
	auths := make(map[string]entry, len(all))
	for server, a := range all {
		auths[server] = entry{base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + a.Password)), a.IdentityToken}
	}
	text, err := json.Marshal(map[string]any{"auths": auths})
	if err != nil {
		return err
	}
	archive, err := credentialsArchive(text)
	if err != nil {
		return err
	}
	resp, err := cli.http.do(ctx, request{
		method: http.MethodPut, path: containerPath(id, "/archive"), query: url.Values{"path": {"/"}}, stream: archive, streamType: "application/x-tar",
	})
	if err != nil {
		return fmt.Errorf("copying credentials into the container: %w", err)
	}
	return resp.Body.Close()
}

// credentialsArchive is config.json in its directory, for root only.
func credentialsArchive(text []byte) (*bytes.Buffer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	dir := strings.TrimPrefix(credentialsInside, "/")
	for _, name := range []string{"run/", "run/secrets/", dir + "/"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: dir + "/config.json", Mode: 0o600, Size: int64(len(text))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	return &b, w.Close()
}
