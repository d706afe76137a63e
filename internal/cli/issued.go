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
			ID     string   `json:"client_id"`
			Secret string   `json:"client_secret"`
			Name   string   `json:"name"`
			Scopes []string `json:"scopes"`
		}{made.id, made.secret.Reveal(), made.name, made.scopes})
	case o.asEnv:
		_, err := fmt.Fprintf(w, "AGENTCREDS_CLIENT_ID=%s\nAGENTCREDS_CLIENT_SECRET=%s\n", made.id, made.secret.Reveal())
		return err
	}
	_, err := fmt.Fprintf(w, "client id:     %s\nclient secret: %s\n", made.id, made.secret.Reveal())
	return err
}
