package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/broker"
	record "github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/config"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// demoBroker is the address of the demo's own broker.
const demoBroker = "127.0.0.1:1883"

// demoTransmissions is how often the demo sends each PDU. The virtual air loses
// nothing; real radio needs the three transmissions of the default.
const demoTransmissions = 2

// pressEvery is how often the demo presses its button.
const pressEvery = 20 * time.Second

func (a *app) demoCommand() *cobra.Command {
	return a.serviceCommand("demo", "The same as run, with virtual devices and a broker: no hardware needed",
		"  btmesh2mqtt demo\n"+
			"  btmesh2mqtt demo --store.dir demo            # keep the network\n"+
			"  btmesh2mqtt demo --mqtt.url mqtt://nas.local # use your own broker\n"+
			"  btmesh2mqtt demo --log.level debug           # every message of the mesh",
		a.demo)
}

// demo is the service together with everything that a user otherwise provides:
//
//	virtual devices ─ virtual air ─ HCI ─ gateway ─ MQTT ─ embedded broker
func (a *app) demo(ctx context.Context, l *config.Loaded, log zerolog.Logger) error {
	c := l.Config
	if !l.IsSet("log.level") {
		log = log.Level(zerolog.WarnLevel) // the terminal is for instructions
	}
	mqtt.LogLibrary(log)
	if !l.IsSet("mqtt.url") {
		b, err := broker.Start(demoBroker)
		if err != nil {
			return err
		}
		defer func() { _ = b.Close() }() // nothing to lose
		c.MQTT.URL = "mqtt://" + b.Addr()
	}
	if !l.IsSet("store.dir") {
		c.Store.Dir = inMemory
	}
	if !l.IsSet("mesh.network_transmit.count") {
		c.Mesh.NetworkTransmit.Count = demoTransmissions
	}
	rec, err := openCapture(c.HCI, log)
	if err != nil {
		return err
	}
	defer rec.close()
	web, err := serveHTTP(c.HTTP.Listen, log)
	if err != nil {
		return err
	}
	defer web.close()
	d, err := newDemo(ctx, &c, rec, log)
	if err != nil {
		return err
	}
	d.out, d.keepsStore = a.stdout, l.IsSet("store.dir")
	d.ownBroker = !l.IsSet("mqtt.url")
	web.show(d.gateway)
	return d.run(ctx, a.stdin)
}

// demo is the gateway with its virtual surroundings.
type demo struct {
	*gateway
	config    *config.Config
	air       *virtual.Air
	devices   []*virtualDevice
	button    *device.Button
	out       io.Writer
	began     time.Time
	ownBroker bool

	keepsStore bool
}

func newDemo(ctx context.Context, c *config.Config, rec *recorder, log zerolog.Logger) (*demo, error) {
	d := &demo{config: c, air: virtual.NewAir(virtual.AirOptions{}), began: time.Now()}
	own, err := virtualAdapter(d.air, rec, "virtual", 0)
	if err == nil {
		d.gateway, err = newGateway(ctx, c, []adapter{own}, log)
	}
	if err != nil {
		return nil, errors.Join(err, d.air.Close())
	}
	d.button = device.NewButton()
	for number, v := range []struct {
		name     string
		elements []access.Element
	}{
		{"demo_plug", device.NewDistributor().Elements()},
		{"demo_lamp", device.NewLamp().Elements()},
		{"demo_color_lamp", device.NewColorLamp().Elements()},
		{"demo_sensor", device.NewSensor().Elements()},
		{"demo_button", d.button.Elements()},
	} {
		made, err := newVirtualDevice(d.air, rec, c.Store.Dir, v.name, number+1, v.elements, log)
		if err != nil {
			return nil, errors.Join(err, d.gateway.store.Close(), d.air.Close())
		}
		d.devices = append(d.devices, made)
	}
	return d, nil
}

// run runs the devices and the gateway until ctx ends.
func (d *demo) run(ctx context.Context, in io.Reader) error {
	d.introduce()
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	for _, v := range d.devices {
		parts.Go(func() { v.run(inner) })
	}
	err := d.gateway.run(ctx, func(ctx context.Context) { d.play(ctx, in) })
	stop()
	parts.Wait()
	for _, v := range d.devices {
		err = errors.Join(err, v.store.Close())
	}
	if ctx.Err() != nil {
		fmt.Fprintln(d.out, "\nThe demo has ended.")
	}
	return errors.Join(err, d.air.Close())
}

// play provisions the devices, prints what to type, and presses the button from
// time to time.
func (d *demo) play(ctx context.Context, in io.Reader) {
	if err := d.provision(ctx); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(d.out, "\n%v\n", err)
		}
		return
	}
	if !d.awaitBroker(ctx) {
		return
	}
	d.instruct()
	enter := lines(ctx, in)
	every := time.NewTicker(pressEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			d.press(ctx)
		case _, open := <-enter:
			if !open {
				enter = nil // no keyboard; the ticker continues
				continue
			}
			d.press(ctx)
		}
	}
}

// awaitBroker waits for the broker, because a command that is sent before the
// bridge has subscribed is lost. It returns false if the demo ends first.
func (d *demo) awaitBroker(ctx context.Context) bool {
	const patience = time.Second
	select {
	case <-d.online:
		return true
	case <-ctx.Done():
		return false
	case <-time.After(patience):
		fmt.Fprintf(d.out, "Waiting for the broker %s ...\n", d.config.MQTT.URL)
	}
	select {
	case <-d.online:
		return true
	case <-ctx.Done():
		return false
	}
}

func (d *demo) press(ctx context.Context) {
	v := d.devices[len(d.devices)-1]
	if err := v.node.WithModel(ctx, device.Primary, generic.OnOffClientID, d.button.Press); err != nil && ctx.Err() == nil {
		d.log.Warn().Err(err).Msg("the button could not be pressed")
	}
}

// lines sends a signal for each line of in. Its goroutine ends with in and
// cannot be stopped earlier, because in is the process's standard input.
func lines(ctx context.Context, in io.Reader) <-chan struct{} {
	typed := make(chan struct{})
	go func() {
		defer close(typed)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			select {
			case typed <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return typed
}

// provision provisions all devices that the bridge does not know yet,
// concurrently, and shows the progress.
func (d *demo) provision(ctx context.Context) error {
	known, err := d.service.Devices(ctx)
	if err != nil {
		return err
	}
	var missing []*virtualDevice
	for _, v := range d.devices {
		if !slices.ContainsFunc(known, func(r record.Record) bool { return r.UUID == v.uuid }) {
			missing = append(missing, v)
		}
	}
	type outcome struct {
		name string
		err  error
	}
	outcomes := make(chan outcome)
	var workers sync.WaitGroup
	defer workers.Wait()
	for _, v := range missing {
		workers.Go(func() {
			_, err := d.service.Provision(ctx, bridge.ProvisionOptions{UUID: v.uuid, Name: v.name})
			outcomes <- outcome{v.name, err}
		})
	}
	var failed []error
	bar := newBar(d.out, "Provisioning", len(missing))
	for range missing {
		o := <-outcomes
		if o.err != nil {
			failed = append(failed, fmt.Errorf("%s could not be provisioned: %w", o.name, o.err))
			continue
		}
		bar.step(o.name)
	}
	return errors.Join(failed...)
}

// introduce prints the components of the demo.
func (d *demo) introduce() {
	store := "temporary; --store.dir DIR keeps the network"
	if d.keepsStore {
		store = storePath(d.config.Store.Dir)
	}
	ours := "built in; --mqtt.url URL selects yours"
	if !d.ownBroker {
		ours = "yours"
	}
	fmt.Fprintf(d.out, `btmesh2mqtt demo: five virtual Bluetooth Mesh devices on a virtual radio.
Between them and MQTT there are real HCI packets and real mesh PDUs.

  broker  %s (%s)
  store   %s

`, d.config.MQTT.URL, ours, store)
}

// instruct prints what to type.
func (d *demo) instruct() {
	base := d.config.MQTT.BaseTopic
	where := d.options()
	fmt.Fprintf(d.out, `The network is up, %.1f s after the start. In other terminals:

  mosquitto_sub%[2]s -v -t '%[3]s/#'
  mosquitto_pub%[2]s -t %[3]s/demo_plug/set -m '{"state":"TOGGLE"}'
  mosquitto_pub%[2]s -t %[3]s/demo_lamp/set -m '{"state":"ON","brightness":128,"color_temp":3000}'
  mosquitto_pub%[2]s -t %[3]s/demo_color_lamp/set -m '{"color":{"h":240,"s":100}}'

demo_sensor reports by itself. Enter presses demo_button, and so does the demo
every %.0[4]f s: see %[3]s/demo_button/event. Ctrl-C ends the demo.
`, time.Since(d.began).Seconds(), where, base, pressEvery.Seconds())
}

// options are the options for Mosquitto's commands if the broker is not the
// demo's own.
func (d *demo) options() string {
	u, err := url.Parse(d.config.MQTT.URL)
	if err != nil || d.ownBroker {
		return ""
	}
	options := " -h " + u.Hostname()
	if port := u.Port(); port != "" {
		options += " -p " + port
	}
	if name := d.config.MQTT.Username; name != "" {
		options += " -u " + name + " -P PASSWORD"
	}
	return options
}

// bar is a progress bar: one line on a terminal, one line per step elsewhere.
type bar struct {
	out      io.Writer
	title    string
	done, of int
}

func newBar(out io.Writer, title string, of int) *bar {
	b := &bar{out: out, title: title, of: of}
	if of > 0 {
		b.draw("")
	}
	return b
}

func (b *bar) step(name string) {
	b.done++
	b.draw(name)
}

func (b *bar) draw(name string) {
	const width = 20
	filled := width * b.done / b.of
	line := fmt.Sprintf("%s [%s%s] %d of %d %s", b.title, strings.Repeat("#", filled), strings.Repeat(".", width-filled), b.done, b.of, name)
	line = strings.TrimRight(line, " ")
	if !isTerminal(b.out) {
		fmt.Fprintln(b.out, line)
		if b.done == b.of {
			fmt.Fprintln(b.out)
		}
		return
	}
	// A wrapped line could not be overwritten.
	line = line[:min(len(line), lineWidth(b.out)-1)]
	end := "\r" // a line of the log overwrites the bar
	if b.done == b.of {
		end = "\n\n"
	}
	const clearLine = "\r\x1b[K"
	fmt.Fprint(b.out, clearLine+line+end)
}
