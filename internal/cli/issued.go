package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// issuedForm is how an id and a secret are printed.
type issuedForm struct{ asJSON, asEnv bool }

func (o *issuedForm) flags(c *cobra.Command) {
	c.Flags().BoolVar(&o.asJSON, "json", false, "print it as JSON")
	c.Flags().BoolVar(&o.asEnv, "env", false, "print it as lines for an environment, as the provider takes it")
}

func (o *issuedForm) check() error {
	if o.asJSON && o.asEnv {
		return usage(errors.New("--json and --env exclude each other"))
	}
	return nil
}

func (o *issuedForm) print(c *cobra.Command, made issued) error {
	w := c.OutOrStdout()
	switch {
	case o.asJSON:
		return printJSON(w, struct {
			ID           string              `json:"client_id"`
			Secret       string              `json:"client_secret,omitempty"`
			Name         string              `json:"name"`
			Scopes       []string            `json:"scopes"`
			Keys         []clientKey         `json:"keys,omitempty"`
			Certificates []clientCertificate `json:"certificates,omitempty"`
		}{made.ID, made.secret.Reveal(), made.Name, made.Scopes, made.Keys, made.Certificates})
	case o.asEnv:
		_, err := fmt.Fprintf(w, "AGENTCREDS_CLIENT_ID=%s\n", made.ID)
		if err == nil && !made.secret.IsZero() {
			_, err = fmt.Fprintf(w, "AGENTCREDS_CLIENT_SECRET=%s\n", made.secret.Reveal())
		}
		return err
	}
	_, err := fmt.Fprintf(w, "client id:     %s\n", made.ID)
	if err == nil && !made.secret.IsZero() {
		_, err = fmt.Fprintf(w, "client secret: %s\n", made.secret.Reveal())
	}
	for _, k := range made.Keys {
		if err == nil {
			_, err = fmt.Fprintf(w, "public key:    %s (%s)\n", k.ID, k.Alg)
		}
	}
	for _, cert := range made.Certificates {
		if err == nil {
			_, err = fmt.Fprintf(w, "certificate:   %s\n", cert.ID)
		}
	}
	return err
}
