package main

import (
	"context"
	"errors"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

func (a *app) runCommand() *cobra.Command {
	return a.serviceCommand("run", "Bridge the mesh network of the Bluetooth adapters to the MQTT broker",
		"  btmesh2mqtt run -c btmesh2mqtt.yaml\n"+
			"  btmesh2mqtt run --hci.adapters hci0 --store.dir /var/lib/btmesh2mqtt\n"+
			"  btmesh2mqtt run --hci.adapters serial:/dev/ttyACM0 --log.level debug",
		func(ctx context.Context, l *config.Loaded, log zerolog.Logger) error {
			mqtt.LogLibrary(log)
			c := &l.Config
			all, err := adapters(c.HCI.Adapters)
			if err != nil {
				return err
			}
			rec, err := openCapture(c.HCI, log)
			if err != nil {
				return err
			}
			defer rec.close()
			for number := range all {
				all[number] = rec.tap(number, all[number])
			}
			web, err := serveHTTP(c.HTTP.Listen, log)
			if err != nil {
				return err
			}
			defer web.close()
			g, err := newGateway(ctx, c, all, log)
			if err != nil {
				if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
					return nil // it was stopped while it waited for an adapter
				}
				return err
			}
			log.Info().Str("version", programVersion()).Str("broker", c.MQTT.URL).Strs("adapters", c.HCI.Adapters).
				Str("store", storePath(c.Store.Dir)).Stringer("address", g.node.Address()).Msg("btmesh2mqtt starts")
			web.show(g)
			return g.run(ctx, nil)
		})
}
