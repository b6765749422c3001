package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit, Go and platform",
		RunE: works(func(*cobra.Command) error {
			info, _ := debug.ReadBuildInfo()
			return writeVersion(a.stdout, info)
		}),
	}
}

// writeVersion writes what the linker recorded; info may be nil.
func writeVersion(w io.Writer, info *debug.BuildInfo) error {
	if info == nil {
		info = &debug.BuildInfo{}
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := cmp.Or(settings["vcs.revision"], "unknown")
	if settings["vcs.modified"] == "true" {
		commit += " with changes"
	}
	if at := settings["vcs.time"]; at != "" {
		commit += " of " + at
	}
	platform := cmp.Or(settings["GOOS"], "unknown") + "/" + cmp.Or(settings["GOARCH"], "unknown")
	if arm := settings["GOARM"]; arm != "" {
		platform += " v" + arm
	}
	_, err := fmt.Fprintf(w, "btmesh2mqtt %s\ncommit   %s\ngo       %s\nplatform %s\n",
		cmp.Or(info.Main.Version, "(devel)"), commit, cmp.Or(info.GoVersion, "unknown"), platform)
	return err
}

// programVersion is the version that this program reports to others.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	return cmp.Or(info.Main.Version, "(devel)")
}
