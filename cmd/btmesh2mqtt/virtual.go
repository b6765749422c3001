package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// virtualDevice is a mesh device of the demo: a node with server models on a
// virtual controller, with its own store.
type virtualDevice struct {
	name  string
	uuid  mesh.UUID
	store *watch.Store
	node  *node.Node
	radio *radio
}

// virtualAdapter adds a controller to the air. rec, if not nil, records it.
func virtualAdapter(air *virtual.Air, rec *recorder, name string, number int) (adapter, error) {
	const company = 0xC0FFEE000000
	c, err := air.Attach(virtual.Options{Address: virtual.MakeAddress(company + uint64(number))})
	if err != nil {
		return adapter{}, err
	}
	open := func(context.Context) (transport.Transport, error) { return c.Transport(), nil }
	return rec.tap(number, adapter{name, open}), nil
}

// newVirtualDevice makes a device. It is unprovisioned if its store is new.
func newVirtualDevice(
	air *virtual.Air, rec *recorder, dir, name string, number int, elements []access.Element, log zerolog.Logger,
) (*virtualDevice, error) {
	d := &virtualDevice{name: name, uuid: demoUUID(number)}
	log = log.With().Str("device", name).Logger()
	// Every device can find and provision others, and can get a new device key
	// and new addresses.
	elements[device.Primary].Models = append(elements[device.Primary].Models, remote.NewServer())
	var err error
	var findings []string
	if dir != inMemory {
		dir = filepath.Join(dir, "devices", name)
	}
	if d.store, findings, err = openStore(dir); err != nil {
		return nil, err
	}
	for _, text := range findings {
		log.Warn().Msg("the store of a virtual device was damaged: " + text)
	}
	d.store.Watch(func(err error) {
		if err != nil {
			log.Error().Err(err).Msg("the virtual device waits for its store")
		}
	})
	d.node, err = node.Open(node.Config{
		Options: node.Options{Elements: elements, Random: rand.Reader},
		Store:   d.store,
		Report:  logFaults(log),
	}, func() (node.Saved, error) { return node.NewDevice(d.uuid), nil })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), d.store.Close())
	}
	a, err := virtualAdapter(air, rec, name, number)
	if err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	d.radio = newRadio(0, a, d.node, nil, true, log)
	useGATT(d.node, d.radio)
	return d, nil
}

// logFaults logs what the node of a virtual device could not do. Its other events are
// for nobody.
func logFaults(log zerolog.Logger) func(node.Event) {
	return func(e node.Event) {
		if e, ok := e.(node.Faulted); ok {
			log.Warn().Err(e.Err).Msg("the virtual device could not do something")
		}
	}
}

// run runs the device until ctx ends.
func (d *virtualDevice) run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { _ = d.radio.controller.Run(ctx) }) // returns the context's error
	d.node.Run(ctx, d.radio.bearer)
	parts.Wait()
}

// demoUUID is the same in every demo, so that Home Assistant recognises the
// devices of the previous demo.
func demoUUID(number int) mesh.UUID {
	u := mesh.UUID{'b', 't', 'm', 'e', 's', 'h', 0x40, 'd', 0x80, 'e', 'm', 'o'}
	u[len(u)-1] = byte(number)
	return u
}
