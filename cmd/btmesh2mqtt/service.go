package main

import (
	"context"
	"fmt"
	"time"

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
			lines := newLineQueue(a.stderr)
			defer lines.close()
			log, err := newLogger(loaded.Config.Log, lines, a.environ)
			if err != nil {
				return err
			}
			return stoppable(cmd.Context(), func(ctx context.Context) error { return serve(ctx, loaded, log) })
		}),
	}
	a.bindConfig(cmd)
	return cmd
}

// stopPatience is how long a service may take to stop. Each of its parts has a limit of
// its own, so this is for what nobody has thought of.
const stopPatience = 30 * time.Second

// stoppable runs a service. When ctx has ended and the service does not, it is left
// behind: something waits for a disk, perhaps since the start.
func stoppable(ctx context.Context, serve func(context.Context) error) error {
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(stopPatience)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return fmt.Errorf("the service did not stop within %s; it may wait for a disk or a network share. "+
			"What it confirmed is stored; later changes may be lost", stopPatience)
	}
}

// slowly logs that something takes long, unless the returned function is called first.
func slowly(log zerolog.Logger, what string) (done func()) {
	const long = 10 * time.Second
	timer := time.AfterFunc(long, func() {
		log.Warn().Msgf("%s takes more than %s; check the disk or the network share that it is on", what, long)
	})
	return func() { timer.Stop() }
}
