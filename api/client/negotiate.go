package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/api"
)

func (c *httpClient) currentVersion() (version string, agreed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version, c.agreed
}

func (c *httpClient) agree(version string) {
	c.mu.Lock()
	c.version, c.agreed = version, true
	c.mu.Unlock()
}

// settle agrees on a version older than ours, which may not be enough.
func (c *httpClient) settle(version string) error {
	c.agree(version)
	if c.needs == nil {
		return nil
	}
	return c.needs(version)
}

// require says what the server must not be too old for. Where the version is
// settled already, by the user, check judges it at once.
func (c *httpClient) require(check func(version string) error) error {
	c.needs = check
	if version, agreed := c.currentVersion(); agreed {
		return check(version)
	}
	return nil
}

// atLeast tells whether the version in use is want or later.
func (c *httpClient) atLeast(want string) bool {
	have, _ := c.currentVersion()
	return versionAtLeast(have, want)
}

func versionAtLeast(have, want string) bool {
	h, w := versionNumber(have), versionNumber(want)
	return h >= w
}

func versionNumber(text string) int {
	major, minor, _ := strings.Cut(text, ".")
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	return a*1000 + b
}

// wholeVersion is the last API whose documents have everything that scripts of
// all times ask for: later ones left out what had been doubled, such as
// .NetworkSettings.IPAddress and the .Status of an event.
const wholeVersion = "1.51"

// negotiate settles the version without a request of the user's.
func (c *httpClient) negotiate(ctx context.Context) error {
	theirs, err := c.serverVersion(ctx)
	if err != nil {
		return err
	}
	version, _ := c.currentVersion()
	if theirs == "" || versionAtLeast(theirs, version) {
		c.agree(version)
		return nil
	}
	return c.settle(theirs)
}

// serverVersion asks the server for its newest API version.
func (c *httpClient) serverVersion(ctx context.Context) (string, error) {
	resp, err := c.roundTrip(ctx, request{method: http.MethodGet}, "/version")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return "", readError(resp)
	}
	var v api.SystemVersion
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		return "", fmt.Errorf("reading the version of the daemon: %w", err)
	}
	return v.ApiVersion, nil
}
