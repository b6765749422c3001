// Command btmesh2mqtt is a bridge between Bluetooth Mesh and MQTT.
//
//	run      radio ─ node ─ service ─ session ─ the user's broker
//	         (hci)  (mesh)  (bridge)  (bridge/mqtt)
//	demo     the same: virtual devices ─ virtual air ─ ... ─ a broker of its own
//	config   example, check, show
//	version
//
// This package is wiring only: it reads the configuration, makes the parts
// and connects them. Exit codes: 0 done, 1 failed, 2 wrong usage or
// configuration.
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
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	code := newApp(os.Environ(), os.Stdout, os.Stderr).execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
