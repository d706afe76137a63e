package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variable is the environment variable that stands in for a flag.
func variable(flag string) string {
	return "AGENTCREDS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment lets each flag of the command be given by its environment
// variable, which the help then names. A flag wins over its variable; an empty
// variable counts as none.
func fromEnvironment(c *cobra.Command, getenv func(string) string) {
	c.Flags().VisitAll(func(f *pflag.Flag) { f.Usage += " [" + variable(f.Name) + "]" })
	c.PreRunE = func(c *cobra.Command, _ []string) (err error) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			value := getenv(variable(f.Name))
			if err != nil || f.Changed || value == "" || f.Name == "help" {
				return
			}
			if setErr := f.Value.Set(value); setErr != nil {
				err = usage(fmt.Errorf("%s %q: %w", variable(f.Name), value, setErr))
			}
		})
		return err
	}
}
