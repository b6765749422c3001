package main

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

// app is the command line with its input and output.
type app struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	file           string // value of the flag -c
}

func newApp(environ []string, stdout, stderr io.Writer) *app {
	return &app{environ: environ, stdin: os.Stdin, stdout: stdout, stderr: stderr}
}

// execute runs one command and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	return a.exitCode(root.ExecuteContext(ctx))
}

func (a *app) rootCommand() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "btmesh2mqtt",
		Short: "A bridge between Bluetooth Mesh and MQTT",
		Long: "btmesh2mqtt makes the devices of a Bluetooth Mesh network available over MQTT,\n" +
			"and announces them to Home Assistant.",
		Example: "  btmesh2mqtt demo                        # no hardware, no broker needed\n" +
			"  btmesh2mqtt run --hci.adapters hci0\n" +
			"  btmesh2mqtt config example > btmesh2mqtt.yaml",
		SilenceErrors: true, // exitCode prints them
		SilenceUsage:  true,
	})
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(a.usage)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(a.runCommand(), a.demoCommand(), a.networkCommand(), a.configCommand(), a.versionCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			group(c)
		}
	}
	return root
}

// group is a command that only has subcommands.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = cobra.ArbitraryArgs, nil
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("expected a command: %s", strings.Join(commandNames(cmd), ", "))
		}
		if near := config.Nearest(args[0], commandNames(cmd)); near != "" {
			return usagef("unknown command %q; did you mean %s?", args[0], near)
		}
		return usagef("unknown command %q; expected one of %s", args[0], strings.Join(commandNames(cmd), ", "))
	}
	return cmd
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// helpCommand is cobra's, except that an unknown command is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Explain a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("unknown command %q", strings.Join(args, " "))
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// bindConfig adds the flag -c and one flag for each key to a command.
func (a *app) bindConfig(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.file, "config", "c", "", "YAML `file` with the configuration")
	config.BindFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
}

// load reads the configuration of a command prepared by bindConfig.
func (a *app) load(cmd *cobra.Command) (*config.Loaded, error) {
	return config.Load(config.Input{File: a.file, Environ: a.environ, Flags: cmd.Flags(), ReadFile: readFile})
}
