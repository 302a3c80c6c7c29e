package client

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/cliconfig"
)

// configFile reads the user's configuration.
func (cli *CLI) configFile() (*cliconfig.File, error) {
	return cliconfig.Load(cli.configDir(), cli.env.get("HOME"))
}

// configDir is the directory of config.json and of the contexts.
func (cli *CLI) configDir() string {
	if dir := cmp.Or(cli.files, cli.env.get("DOCKER_CONFIG")); dir != "" {
		return dir
	}
	return filepath.Join(cli.env.get("HOME"), ".docker")
}

// registryOf is the registry of an image as credentials are kept for it.
func registryOf(image string) string {
	host, _, ok := strings.Cut(image, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" || host == "docker.io" || host == "index.docker.io" {
		return cliconfig.DefaultServer
	}
	return host
}

// authFor is the header with who the user is at the registry of an image, nil
// when nobody knows.
func (cli *CLI) authFor(ctx context.Context, image string) (http.Header, error) {
	file, err := cli.configFile()
	if err != nil {
		return nil, err
	}
	a, err := file.Get(ctx, registryOf(image))
	if err != nil || a.IsZero() {
		return nil, err
	}
	text, err := json.Marshal(api.AuthConfig{
		Username: a.Username, Password: a.Password, Email: a.Email, IdentityToken: a.IdentityToken, ServerAddress: a.Server,
	})
	if err != nil {
		return nil, err
	}
	return http.Header{"X-Registry-Auth": {base64.URLEncoding.EncodeToString(text)}}, nil
}
