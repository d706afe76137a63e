package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variable is the environment variable that stands in for a flag.
func variable(flag string) string {
	return "AGENTCREDS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// byHand marks a flag that has no environment variable: what it does must not
// come from where nobody looks.
const byHand = "by hand"

// fromEnvironment lets flags of the command be given by their environment
// variables, which the help then names; without names, all but those that are
// only given by hand. A flag wins over its variable; an empty variable counts as none.
func fromEnvironment(c *cobra.Command, getenv func(string) string, names ...string) {
	each := func(fn func(*pflag.Flag)) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && f.Annotations[byHand] == nil && (len(names) == 0 || slices.Contains(names, f.Name)) {
				fn(f)
			}
		})
	}
	each(func(f *pflag.Flag) { f.Usage += " [" + variable(f.Name) + "]" })
	c.PreRunE = func(*cobra.Command, []string) (err error) {
		each(func(f *pflag.Flag) {
			value := getenv(variable(f.Name))
			if err != nil || f.Changed || value == "" {
				return
			}
			if setErr := f.Value.Set(value); setErr != nil {
				err = usage(fmt.Errorf("%s %q: %w", variable(f.Name), value, setErr))
			}
		})
		return err
	}
}

// group is a command that has only commands below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		Args: cobra.ArbitraryArgs, // RunE says what is wrong with them
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unknown command %q", c.Name()+" "+args[0]))
			}
			var names []string
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			return usage(fmt.Errorf("%s what? one of: %s", c.Name(), strings.Join(names, ", ")))
		},
	}
	c.AddCommand(below...)
	return c
}

// oneID wants one argument, an id.
func oneID(c *cobra.Command, args []string) error {
	if len(args) == 1 && args[0] != "" {
		return nil
	}
	return usage(fmt.Errorf("%s needs one id", c.CommandPath()[len(c.Root().Name())+1:]))
}

// keyID is the shape of the id of a signing key that looks like a flag: one in
// 64 does.
var keyID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-[-_A-Za-z0-9]{42}$`) })

// idsLast puts such ids where no flags are looked for.
func idsLast(args []string) []string {
	if slices.Contains(args, "--") {
		return args
	}
	ids := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !keyID().MatchString(arg) })
	if len(ids) == 0 {
		return args
	}
	rest := slices.DeleteFunc(slices.Clone(args), keyID().MatchString)
	return slices.Concat(rest, []string{"--"}, ids)
}
