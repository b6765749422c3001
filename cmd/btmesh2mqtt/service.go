package main

import (
	"context"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

// serviceCommand is a command with the whole configuration as flags. It loads
// the configuration, makes the logger, and calls serve. The context ends with
// Ctrl-C and SIGTERM; serve then returns nil.
func (a *app) serviceCommand(
	use, short, example string, serve func(context.Context, *config.Loaded, zerolog.Logger) error,
) *cobra.Command {
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: example,
		RunE: works(func(cmd *cobra.Command) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			log, err := newLogger(loaded.Config.Log, a.stderr, a.environ)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), loaded, log)
		}),
	}
	a.bindConfig(cmd)
	return cmd
}
