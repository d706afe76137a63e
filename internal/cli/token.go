package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// agentSecret is the variable with the secret of the agent.
const agentSecret = "AGENTCREDS_AGENT_SECRET"

// maxSecret is more than any secret has.
const maxSecret = 4 << 10

// tokenFlags are the flags of token.
type tokenFlags struct {
	Endpoint   string
	AgentID    string
	SecretFile string
	Scopes     []string
	Audiences  []string
	CA         string
	asJSON     bool
	asEnv      bool

	ClientID string // of a management client, instead of an agent
	files    proofFiles
}

func (t tokenFlags) id() string { return cmp.Or(t.ClientID, t.AgentID) }

// who is how messages speak of it.
func (t tokenFlags) who() string {
	if t.ClientID != "" {
		return "client " + t.ClientID
	}
	return "agent " + t.AgentID
}

func (p Program) token() *cobra.Command {
	var t tokenFlags
	c := &cobra.Command{
		Use:   "token --endpoint URL --agent-id ID",
		Short: "Sign in as an agent and print the access token",
		Long: `Sign in as an agent and print the access token. The secret of the agent comes from
--secret-file, from AGENTCREDS_AGENT_SECRET, or from standard input; never from an
argument, which everybody on the machine could read. With --private-key-file the
agent signs in by its key instead, which is not sent anywhere; with --client-cert
and --client-key by a certificate, and the token counts only where the same
certificate is shown.

With --client-id it is a management client that signs in, whose secret may also be
in AGENTCREDS_CLIENT_SECRET.`,
		Example: `  AGENTCREDS_AGENT_SECRET=… terraform-provider-agentcreds token --endpoint https://agents.example.com --agent-id 940642a5-…
  vault kv get -field secret kv/agents/bot | terraform-provider-agentcreds token --endpoint … --agent-id … --json
  terraform-provider-agentcreds token --endpoint … --agent-id … --private-key-file agent.pem
  terraform-provider-agentcreds token --endpoint … --agent-id … --client-cert agent.crt --client-key agent.pem
  terraform-provider-agentcreds token --endpoint … --client-id … --private-key-file tf.pem --scope internal_agent_mgt_list --env`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			// It may be the secret, which is not repeated.
			return usage(errors.New("token takes no arguments: the secret comes from a file, the environment or standard input"))
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := t.check(); err != nil {
				return err
			}
			proof, err := t.proof(c.InOrStdin(), p.Getenv)
			if err != nil {
				return err
			}
			found, err := signIn(c.Context(), t, proof)
			if err != nil {
				return err
			}
			return t.print(c.OutOrStdout(), found)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&t.Endpoint, "endpoint", "", "`url` of the server")
	f.StringVar(&t.AgentID, "agent-id", "", "`id` of the agent")
	f.StringVar(&t.SecretFile, "secret-file", "", "`file` with the secret in one line; - is standard input")
	f.StringVar(&t.ClientID, "client-id", "", "`id` of a management client instead")
	f.StringVar(&t.files.PrivateKey, "private-key-file", "", "`file` with the private key in PEM, to sign in by it (private_key_jwt)")
	f.StringVar(&t.files.Alg, "alg", "", "`algorithm` that the key is registered for (default RS256 with RSA, else that of\nthe key)")
	f.StringVar(&t.files.ClientCert, "client-cert", "", "`file` with a certificate in PEM, and those above it, to connect with")
	f.StringVar(&t.files.ClientKey, "client-key", "", "`file` with its private key in PEM")
	f.StringSliceVar(&t.Scopes, "scope", nil, "`scope` to ask for; more than once for more")
	f.StringSliceVar(&t.Audiences, "audience", nil, "`audience` that the token is for (default the server itself)")
	f.StringVar(&t.CA, "ca-certificate", "", "`file` with CA certificates in PEM to trust instead of the system's")
	f.BoolVar(&t.asJSON, "json", false, "print the whole answer as JSON")
	f.BoolVar(&t.asEnv, "env", false, "print it as lines for an environment")
	fromEnvironment(c, p.Getenv, "endpoint", "agent-id", "secret-file", "private-key-file", "ca-certificate")
	return c
}

func (t tokenFlags) check() error {
	switch {
	case t.Endpoint == "":
		return usage(errors.New("--endpoint is needed: the url of the server"))
	case t.id() == "":
		return usage(errors.New("--agent-id is needed: the id of the agent"))
	case t.files.given() && t.SecretFile != "", t.files.PrivateKey != "" && t.files.ClientCert+t.files.ClientKey != "":
		return usage(errors.New("--private-key-file, --client-cert and --secret-file exclude each other"))
	case (t.files.ClientCert == "") != (t.files.ClientKey == ""):
		return usage(errors.New("--client-cert and --client-key are needed together"))
	case t.files.PrivateKey == "" && t.files.Alg != "":
		return usage(errors.New("--alg goes with --private-key-file"))
	case t.asJSON && t.asEnv:
		return usage(errors.New("--json and --env exclude each other"))
	}
	return nil
}

// proof is what is signed in with.
func (t tokenFlags) proof(stdin io.Reader, getenv func(string) string) (client.Proof, error) {
	if t.files.given() {
		return t.files.read()
	}
	value, err := t.secret(stdin, getenv)
	return client.SecretProof("secret", value), err
}

// variable is the one of the environment that can have the secret.
func (t tokenFlags) variable() string {
	if t.ClientID != "" {
		return clientSecret
	}
	return agentSecret
}

// secret reads the secret from where it is.
func (t tokenFlags) secret(stdin io.Reader, getenv func(string) string) (secret.Text, error) {
	from := t.variable()
	switch value := getenv(from); {
	case t.SecretFile == "-":
		return t.oneSecret("standard input", stdin)
	case t.SecretFile != "":
		f, err := os.Open(t.SecretFile)
		if err != nil {
			return secret.Text{}, hint(fmt.Errorf("read the secret: %w", err), "--secret-file names a file with the secret in one line")
		}
		defer func() { _ = f.Close() }()
		return t.oneSecret(t.SecretFile, f)
	case value != "":
		return t.oneSecret(from, strings.NewReader(value))
	case terminal(stdin):
		return secret.Text{}, &hinted{
			error: errors.New("there is no secret"),
			hint:  "put it into " + from + ", name a file with --secret-file, or pipe it in",
			code:  exitUsage,
		}
	}
	return t.oneSecret("standard input", stdin)
}

// terminal reports whether somebody would have to type.
func terminal(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// oneSecret reads one line. Errors do not quote it.
func (t tokenFlags) oneSecret(from string, r io.Reader) (secret.Text, error) {
	text, err := io.ReadAll(bufio.NewReader(io.LimitReader(r, maxSecret+1)))
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case err != nil:
	case line == "":
		err = errors.New("it is empty")
	case len(text) > maxSecret:
		err = errors.New("it is too long for a secret")
	case strings.ContainsAny(line, "\r\n\x00"):
		err = errors.New("it has more than one line")
	default:
		return secret.New(line), nil
	}
	return secret.Text{}, hint(fmt.Errorf("read the secret from %s: %w", from, err),
		"give it in one line: in %s, in a file with --secret-file, or on standard input", t.variable())
}

func (t tokenFlags) print(w io.Writer, got client.AgentToken) error {
	lives := int64(got.Life / time.Second)
	switch {
	case t.asJSON:
		return printJSON(w, struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int64  `json:"expires_in"`
			Scope       string `json:"scope"`
		}{got.Value.Reveal(), "Bearer", lives, got.Scope})
	case t.asEnv && t.ClientID != "": // as the provider takes it
		_, err := fmt.Fprintf(w, "%s=%s\n", accessToken, got.Value.Reveal())
		return err
	case t.asEnv:
		_, err := fmt.Fprintf(w, "AGENTCREDS_AGENT_TOKEN=%s\nAGENTCREDS_AGENT_TOKEN_EXPIRES_IN=%d\n", got.Value.Reveal(), lives)
		return err
	}
	_, err := fmt.Fprintln(w, got.Value.Reveal())
	return err
}
