package cliconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// The protocol of docker-credential-helpers: a program docker-credential-NAME
// with a verb; what it needs comes on its stdin, what it has goes to its stdout.

// tokenUser is the user name of an identity token.
const tokenUser = "<token>"

// notKept is how helpers begin to say that they have nothing for a registry.
const notKept = "credentials not found"

var errNotKept = errors.New(notKept)

// helperEntry is what helpers speak of.
type helperEntry struct {
	ServerURL string
	Username  string
	Secret    string
}

// askHelper gets credentials; those it does not have are nobody's.
func (f *File) askHelper(ctx context.Context, helper, server string) (Auth, error) {
	a := Auth{Server: server}
	out, err := runHelper(ctx, helper, "get", []byte(server))
	if err != nil {
		if errors.Is(err, errNotKept) {
			return a, nil
		}
		return a, err
	}
	var e helperEntry
	if err := json.Unmarshal(out, &e); err != nil {
		return a, fmt.Errorf("the credential helper %s gives something that cannot be read", helper)
	}
	if e.Username == tokenUser {
		a.IdentityToken = e.Secret
	} else {
		a.Username, a.Password = e.Username, e.Secret
	}
	return a, nil
}

// tellHelper stores credentials.
func (f *File) tellHelper(ctx context.Context, helper string, a Auth) error {
	e := helperEntry{a.Server, a.Username, a.Password}
	if a.IdentityToken != "" {
		e.Username, e.Secret = tokenUser, a.IdentityToken
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = runHelper(ctx, helper, "store", text)
	return err
}

func (f *File) eraseHelper(ctx context.Context, helper, server string) error {
	_, err := runHelper(ctx, helper, "erase", []byte(server))
	if errors.Is(err, errNotKept) {
		return nil
	}
	return err
}

// runHelper runs a helper. Its errors carry what it says, never what it was told.
func runHelper(ctx context.Context, helper, verb string, in []byte) ([]byte, error) {
	if helper == "" || strings.ContainsAny(helper, "/\\ \x00") {
		return nil, fmt.Errorf("%q cannot be the name of a credential helper", helper)
	}
	cmd := exec.CommandContext(ctx, "docker-credential-"+helper, verb)
	var out, failure bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &failure
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(out.String() + failure.String())
		var exit *exec.ExitError
		if !errors.As(err, &exit) || said == "" {
			said = err.Error()
		}
		if strings.HasPrefix(said, notKept) {
			return nil, errNotKept
		}
		return nil, fmt.Errorf("the credential helper docker-credential-%s failed at %s: %s", helper, verb, said[:min(len(said), 512)])
	}
	return out.Bytes(), nil
}
