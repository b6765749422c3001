package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

// Exit codes of the process.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// failure is the error of a command that was used correctly and failed. All
// other errors, including cobra's own, are errors of usage or configuration.
type failure struct{ err error }

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// usagef formats a usage error.
func usagef(format string, args ...any) error { return fmt.Errorf(format, args...) }

// works adapts a function to cobra. The command takes no arguments, and its
// errors are failures unless they concern the configuration.
func works(f func(cmd *cobra.Command) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("unexpected argument %q: %s takes flags only", args[0], cmd.CommandPath())
		}
		err := f(cmd)
		if invalid := (*config.Invalid)(nil); err == nil || errors.As(err, &invalid) {
			return err
		}
		return failure{err}
	}
}

// exitCode prints an error as one block and returns its exit code.
func (a *app) exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	text := strings.TrimRight(err.Error(), "\n")
	fmt.Fprintf(a.stderr, "btmesh2mqtt: %s\n", text)
	if f := (failure{}); errors.As(err, &f) {
		return exitFailed
	}
	return exitUsage
}

// flagError adds a suggestion to the error about an unknown flag.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usagef("%w; %s --help lists all flags", err, cmd.CommandPath())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := config.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return usagef("%w; did you mean --%s?", err, near)
	}
	return usagef("%w; %s --help lists all flags", err, cmd.CommandPath())
}
