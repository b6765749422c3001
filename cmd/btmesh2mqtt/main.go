// Command btmesh2mqtt is a bridge between Bluetooth Mesh and MQTT.
//
//	run      radio ─ node ─ service ─ session ─ the user's broker
//	         (hci)  (mesh)  (bridge)  (bridge/mqtt)
//	demo     the same: virtual devices ─ virtual air ─ ... ─ its own broker
//	config   example, check, show
//	version
//
// This package only connects the parts: it reads the configuration, creates the
// parts and wires them together. Exit codes: 0 success, 1 failure, 2 wrong
// usage or configuration.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		ends = append(ends, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := newApp(os.Environ(), os.Stdout, os.Stderr).execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
