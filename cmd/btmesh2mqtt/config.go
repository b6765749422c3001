package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Write an example configuration, check a configuration, or show the effective one",
		Example: "  btmesh2mqtt config example > btmesh2mqtt.yaml\n" +
			"  btmesh2mqtt config check -c btmesh2mqtt.yaml\n" +
			"  btmesh2mqtt config show -c btmesh2mqtt.yaml",
	}

	example := &cobra.Command{
		Use:   "example",
		Short: "Write a YAML file with every key, its purpose and its default",
		RunE:  works(func(*cobra.Command) error { return config.WriteExample(a.stdout) }),
	}

	check := &cobra.Command{
		Use:     "check",
		Short:   "Check the configuration and list all problems",
		Example: "  btmesh2mqtt config check -c btmesh2mqtt.yaml",
		RunE: works(func(cmd *cobra.Command) error {
			if _, err := a.load(cmd); err != nil {
				return err
			}
			_, err := fmt.Fprintln(a.stdout, "ok")
			return err
		}),
	}
	a.bindConfig(check)

	show := &cobra.Command{
		Use:     "show",
		Short:   "Show the effective configuration, with origins; passwords are hidden",
		Example: "  btmesh2mqtt config show -c btmesh2mqtt.yaml --log.level debug",
		RunE: works(func(cmd *cobra.Command) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			return loaded.Write(a.stdout)
		}),
	}
	a.bindConfig(show)

	cmd.AddCommand(example, check, show)
	return cmd
}
