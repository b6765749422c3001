package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// usage writes what follows the description in the help of a command. The
// configuration flags are in groups after the others.
func (a *app) usage(cmd *cobra.Command) error {
	var b strings.Builder
	line := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		line = cmd.CommandPath() + " [command]"
	}
	fmt.Fprintf(&b, "Usage:\n  %s\n", line)
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nAvailable Commands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				entry(&b, fmt.Sprintf("%-*s", cmd.NamePadding(), c.Name()), c.Short, cmd.NamePadding()+4, lineWidth(a.stdout))
			}
		}
	}
	a.writeFlags(&b, cmd.Flags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\"%s [command] --help\" explains a command.\n", cmd.CommandPath())
	}
	_, err := io.WriteString(cmd.OutOrStderr(), b.String())
	return err
}

// writeFlags lists the flags. A dot in its name marks a flag as a key of the
// configuration.
func (a *app) writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	const column = 30
	width := lineWidth(a.stdout)
	b.WriteString("\nFlags:\n")
	group := ""
	flags.VisitAll(func(f *pflag.Flag) {
		if strings.Contains(f.Name, ".") {
			return
		}
		kind, text := pflag.UnquoteUsage(f)
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		entry(b, strings.TrimSpace(name+" "+kind), text, column, width)
	})
	flags.VisitAll(func(f *pflag.Flag) {
		section, _, isKey := strings.Cut(f.Name, ".")
		switch {
		case !isKey:
			return
		case group == "":
			b.WriteString("\nConfiguration, with the defaults in brackets. Each of these is a key of the file\n" +
				"and an environment variable as well (BTMESH2MQTT_MQTT__URL):\n")
		}
		if section != group {
			b.WriteString("\n")
			group = section
		}
		name := "--" + f.Name
		if kind := f.Value.Type(); kind != "bool" {
			name += " " + kind
		}
		entry(b, name, f.Usage, column, width)
	})
}

// entry writes a name and, from a fixed column, its description.
func entry(b *strings.Builder, name, text string, column, width int) {
	at := len("  ") + len(name)
	b.WriteString("  " + name)
	if at+2 > column {
		b.WriteString("\n")
		at = 0
	}
	b.WriteString(strings.Repeat(" ", column-at))
	at = column
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", column))
			at = column
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	b.WriteString("\n")
}

// lineWidth is how many characters fit on a line of w.
func lineWidth(w io.Writer) int {
	const standard, narrowest, widest = 80, 60, 110
	f, ok := w.(*os.File)
	if !ok {
		return standard
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return standard
	}
	return min(max(width, narrowest), widest)
}
