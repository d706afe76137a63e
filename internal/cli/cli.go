// Package cli is the command line: it reads flags and environment variables,
// puts a real server together, and says in one way what went wrong. It decides
// nothing about agents and knows no Terraform.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
)

// name is how the program speaks of itself.
const name = "agentcreds"

// Exit codes.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

// Program is one run of the command line.
type Program struct {
	Args    []string // without the name of the program
	Version string
	Stdout  io.Writer           // data
	Stderr  io.Writer           // words
	Getenv  func(string) string // required
}

// words are the first arguments that make a run the command line's business,
// beside the commands themselves.
var words = []string{"help", "-h", "--help", "--version"}

// Known reports whether the arguments (without the name of the program) begin
// with a command, or ask for help. The others are the plugin's.
func Known(args []string) bool {
	if len(args) == 0 {
		return false
	}
	if slices.Contains(words, args[0]) {
		return true
	}
	return slices.ContainsFunc(Program{}.root().Commands(), func(c *cobra.Command) bool {
		return c.Name() == args[0]
	})
}

// Main runs the command that the arguments name and returns the exit code. The
// first SIGINT or SIGTERM ends the command in good order, a second one at once.
func Main(ctx context.Context, p Program) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := p.root()
	root.SetArgs(idsLast(p.Args))
	return Tell(p.Stderr, root.ExecuteContext(ctx))
}

func (p Program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "terraform-provider-agentcreds",
		Short: "The Terraform provider for the credentials of AI agents, and the server behind it",
		Long: `The Terraform provider for the credentials of AI agents, and the server behind it.

Without a command this is the Terraform plugin: terraform and tofu start it by
themselves. With a command it is a server, or a tool for one.`,
		Version:       p.Version,
		SilenceErrors: true, // Tell says them
		SilenceUsage:  true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return hint(errByHand, "put it into a plugin folder, or run it with --help to see its commands")
			}
			return unknown(args)
		},
		Args: cobra.ArbitraryArgs, // RunE says what is wrong with them
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddCommand(p.serve(), p.token(), p.client(), p.role(), p.keys(), p.ca(), p.audit(), p.migrate(), p.backup(), p.restore(), p.rekey(), p.version())
	root.SetHelpCommand(help(root))
	return root
}

// help is cobra's help command, but for an unknown command it fails.
func help(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Tell about a command and its flags",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknown(args)
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

func unknown(args []string) error { return usage(fmt.Errorf("unknown command %q", args[0])) }

// errByHand is what a plugin says to people.
var errByHand = errors.New("this is a Terraform plugin: terraform and tofu start it by themselves")

// noArgs refuses arguments of a command that takes only flags.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(fmt.Errorf("%s takes no arguments, but got %q", c.Name(), args[0]))
}
