package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/moby/term"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/cliconfig"
	"github.com/enginejobs/docker/pkg/mflag"
)

type loginOptions struct {
	user, password, email string
	fromStdin             bool
}

func newLogin(cli *CLI, flags *mflag.Set) runFunc {
	var o loginOptions
	flags.String(&o.user, "-u --username", "Username")
	flags.String(&o.password, "-p --password", "Password")
	flags.Bool(&o.fromStdin, "--password-stdin", "Take the password from stdin")
	flags.String(&o.email, "~-e ~-email ~--email", "Email")
	return func(ctx context.Context, args []string) error {
		server := cliconfig.DefaultServer
		if len(args) > 0 {
			server = loginServer(args[0])
		}
		return cli.login(ctx, o, server)
	}
}

// loginServer is a registry as it is named on the command line, in the form in
// which credentials are kept.
func loginServer(text string) string {
	switch host := strings.TrimSuffix(text, "/"); host {
	case "docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1":
		return cliconfig.DefaultServer
	default:
		if _, rest, ok := strings.Cut(host, "://"); ok && !strings.Contains(rest, "/") {
			return rest
		}
		return host
	}
}

func (cli *CLI) login(ctx context.Context, o loginOptions, server string) error {
	file, err := cli.configFile()
	if err != nil {
		return err
	}
	before, err := file.Get(ctx, server)
	if err != nil {
		return err
	}
	if err := cli.completeLogin(&o, before); err != nil {
		return err
	}
	a := cliconfig.Auth{Username: o.user, Password: o.password, Email: o.email, Server: server}
	if o.password == "" && before.Username == o.user { // what is known is tried again
		a = before
		a.Server = server
	}
	var answer api.AuthResponse
	r := request{method: http.MethodPost, path: "/auth", body: api.AuthConfig{
		Username: a.Username, Password: a.Password, Email: a.Email, IdentityToken: a.IdentityToken, ServerAddress: server,
	}}
	if err := cli.http.callJSON(ctx, r, &answer); err != nil {
		return err
	}
	if answer.IdentityToken != "" {
		a.IdentityToken, a.Password = answer.IdentityToken, ""
	}
	plain, err := file.Store(ctx, a)
	if err != nil {
		return err
	}
	if plain {
		fmt.Fprintf(cli.Err, "WARNING! Your credentials are stored unencrypted in '%s'.\n"+
			"Name a credential helper there as credsStore to keep them elsewhere.\n", file.Path())
	}
	if answer.Status != "" {
		fmt.Fprintln(cli.Out, answer.Status)
	}
	return nil
}

// completeLogin asks for what the command line does not say.
func (cli *CLI) completeLogin(o *loginOptions, before cliconfig.Auth) error {
	if o.fromStdin {
		switch {
		case o.password != "":
			return errors.New("--password and --password-stdin are mutually exclusive")
		case o.user == "":
			return errors.New("Must provide --username with --password-stdin")
		}
		text, err := io.ReadAll(io.LimitReader(cli.In, maxSecret))
		if err != nil {
			return fmt.Errorf("reading the password: %w", err)
		}
		o.password = strings.TrimRight(string(text), "\r\n")
		return nil
	}
	if o.password != "" {
		fmt.Fprintln(cli.Err, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
		if o.user != "" {
			return nil
		}
	}
	if o.user == "" && !before.IsZero() && o.password == "" {
		o.user = before.Username
		return nil
	}
	in := bufio.NewReader(cli.In)
	if o.user == "" {
		if _, terminal := terminalOf(cli.In); !terminal {
			return errors.New("Cannot perform an interactive login from a non TTY device")
		}
		fmt.Fprint(cli.Out, "Username: ")
		line, err := in.ReadString('\n')
		if o.user = strings.TrimSpace(line); o.user == "" {
			return errors.Join(errors.New("username is required"), ignoreEOF(err))
		}
	}
	if o.password == "" {
		fmt.Fprint(cli.Out, "Password: ")
		password, err := cli.readSecret(in)
		if o.password = password; o.password == "" {
			return errors.Join(errors.New("password is required"), ignoreEOF(err))
		}
	}
	return nil
}

// maxSecret is longer than any password, in bytes.
const maxSecret = 64 << 10

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readSecret reads a line that a terminal does not show.
func (cli *CLI) readSecret(in *bufio.Reader) (string, error) {
	if fd, terminal := terminalOf(cli.In); terminal {
		state, err := term.SaveState(fd)
		if err != nil {
			return "", err
		}
		if err := term.DisableEcho(fd, state); err != nil {
			return "", err
		}
		ch := make(chan os.Signal, 1)
		stop := cli.notify(ch, os.Interrupt) // the terminal must not stay blind
		defer stop()
		defer func() {
			_ = term.RestoreTerminal(fd, state) // there is nothing better to do
			fmt.Fprintln(cli.Out)
		}()
	}
	line, err := in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}
