package node_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file makes the nodes of a script.

// key is a key of the script, which depends on its name only.
func key(name string) crypto.Key {
	var seed [32]byte
	copy(seed[:], name)
	k, err := crypto.NewKey(rand.NewChaCha8(seed))
	if err != nil {
		panic(err)
	}
	return k
}

func netKeyOf(index mesh.KeyIndex) crypto.Key { return key(fmt.Sprint("network key ", index)) }
func newKeyOf(index mesh.KeyIndex) crypto.Key { return key(fmt.Sprint("new network key ", index)) }
func appKeyOf(index mesh.KeyIndex) crypto.Key { return key(fmt.Sprint("application key ", index)) }

// programs are what a node of a name can be. Each start makes a new device.
func (s *scenario) programs(name string) map[string]func() []access.Element {
	client := func() []access.Element {
		return []access.Element{{Models: []access.Model{configuration.Client{}}}}
	}
	return map[string]func() []access.Element{
		"client": client,
		"bridge": func() []access.Element { // what others can configure of the bridge
			return []access.Element{{Models: []access.Model{
				configuration.NewServer(configuration.Product{}), configuration.Client{}, access.Client(generic.OnOffClientID),
			}}}
		},
		"plug": func() []access.Element {
			s.plugs[name] = device.NewPlug()
			return s.plugs[name].Elements()
		},
		"button": func() []access.Element {
			s.buttons[name] = device.NewButton()
			return s.buttons[name].Elements()
		},
		"lamp":         lamp,
		"color-lamp":   colorLamp,
		"sensor":       func() []access.Element { return device.NewSensor().Elements() },
		"server":       servingPlug,
		"server-light": bigger(1),
	}
}

// network makes a network. Each line of the input is a node: name, address,
// program, and what else there is to say of it. How the nodes start is printed if
// "show" has said before what to print.
func (s *scenario) network() error {
	s.silent = s.show == nil
	defer func() { s.silent = false }()
	if _, gatt := s.d.Arg("gatt"); gatt {
		s.connections()
	}
	var iv mesh.IVIndex
	var peers []state.Peer
	type planned struct {
		name  string
		knows bool // it has the device keys of the others
		saved node.Saved
		opts  node.Options
		make  func() []access.Element
	}
	var all []planned
	for _, line := range strings.Split(s.d.Input, "\n") {
		words := strings.Fields(line)
		if len(words) < 3 {
			return fmt.Errorf("expected a name, an address and a program, got %q", line)
		}
		program := s.programs(words[0])[words[2]]
		if program == nil {
			return fmt.Errorf("there is no program %q", words[2])
		}
		address, err := mesh.ParseAddress(words[1])
		if err != nil {
			return err
		}
		index := iv
		saved, err := node.NewMember(node.Member{
			Elements: program(), Address: address, IVIndex: &index,
			Subnets: []state.Subnet{{Index: 0, Key: netKeyOf(0)}},
			AppKeys: []state.AppKey{{Index: 0, NetKey: 0, Key: appKeyOf(0)}},
		}, rand.NewChaCha8([32]byte{byte(address >> 8), byte(address), 1}))
		if err != nil {
			return err
		}
		saved.Node.UUID = [16]byte{}
		copy(saved.Node.UUID[:], words[0])
		bindAll(saved.Node)
		p := planned{name: words[0], knows: words[2] == "client" || words[2] == "bridge", saved: saved, make: program}
		for _, w := range words[3:] {
			if err := option(w, &p.opts); err == nil {
				continue
			}
			if err := setting(w, saved.Node); err != nil {
				return err
			}
		}
		all = append(all, p)
		peers = append(peers, state.Peer{
			UUID: saved.Node.UUID, Address: address, Elements: len(program()), DeviceKey: saved.Node.DeviceKey,
		})
	}
	for i, p := range all {
		if p.knows {
			for j := range peers {
				if j != i {
					p.saved.Peers = append(p.saved.Peers, peers[j])
				}
			}
		}
		s.join(p.name, p.saved, p.opts, p.make)
	}
	s.say("%d nodes", len(all))
	return nil
}

// join makes a node of what is saved, with a radio that makes connections if there are
// some in the script.
func (s *scenario) join(name string, saved node.Saved, o node.Options, program func() []access.Element) {
	s.Helper()
	m := s.enlist(name, &saved, o, program)
	if s.gatt != nil {
		s.gatt.join(m, int8(-40-5*len(s.gatt.radios)))
	}
	s.start(m, saved)
}

// bindAll binds all application models to the first application key.
func bindAll(n *state.Node) {
	for i := range n.Elements {
		for j := range n.Elements[i].Models {
			if m := &n.Elements[i].Models[j]; m.ID.Number() >= 0x1000 || m.ID == foundation.HealthServerID || m.ID == foundation.OpcodesAggregatorServerID {
				m.Bindings = []mesh.KeyIndex{0}
			}
		}
	}
}

// device makes an unprovisioned device: "device plug program=plug".
func (s *scenario) device() error {
	name := s.d.CmdArgs[0].Key
	program := s.programs(name)[s.arg("program", "plug")]
	if program == nil {
		return fmt.Errorf("there is no program %q", s.arg("program", "plug"))
	}
	o, saved := node.Options{}, node.NewDevice(uuidOf(name))
	for _, a := range s.d.CmdArgs[1:] {
		if a.Key == "program" || a.Key == "show" || a.Key == "of" {
			continue
		}
		if err := option(a.Key+value(a.Vals), &o); err == nil {
			continue
		}
		if err := setting(a.Key+value(a.Vals), saved.Node); err != nil {
			return err
		}
	}
	if s.gatt == nil && o.Device.GATT {
		s.connections()
		for _, m := range s.members {
			s.gatt.join(m, int8(-40-5*len(s.gatt.radios)))
		}
	}
	s.join(name, saved, o, program)
	return nil
}

func value(vals []string) string {
	if len(vals) == 0 {
		return ""
	}
	return "=" + vals[0]
}

// option sets one option of a node by a word like "monitor" or "poll=10s".
func option(word string, o *node.Options) error {
	name, text, _ := strings.Cut(word, "=")
	duration, _ := time.ParseDuration(text)
	number, _ := strconv.Atoi(text)
	lowPower := func() *node.LowPowerOptions {
		if o.LowPower == nil {
			o.LowPower = &node.LowPowerOptions{}
		}
		return o.LowPower
	}
	switch name {
	case "monitor":
		o.Monitor = true
	case "resident":
		o.Resident = true
	case "keep-composition":
		o.KeepComposition = true
	case "low-power":
		lowPower()
	case "poll-timeout":
		lowPower().PollTimeout = duration
	case "poll-interval":
		lowPower().PollInterval = duration
	case "proxy-client":
		o.Proxy.Client = map[string]node.ClientMode{"off": node.ClientOff, "auto": node.ClientAuto, "on": node.ClientOn}[text]
	case "proxy-clients":
		o.Proxy.Clients = number
	case "pb-gatt":
		o.Device.GATT = true
	case "static-oob":
		o.Device.StaticOOB = []byte(text)
	case "output-oob": // so many digits that the device shows
		o.Device.OutputActions, o.Device.OutputSize = 1<<provision.OutputNumeric, uint8(number)
	case "addresses":
		var first, last uint16
		if _, err := fmt.Sscanf(text, "%x-%x", &first, &last); err != nil {
			return err
		}
		o.Addresses = node.AddressRange{First: mesh.Address(first), Last: mesh.Address(last)}
	default:
		return fmt.Errorf("there is no option %q", name)
	}
	return nil
}

// models are the names of models in scripts.
func modelNamed(name string) (mesh.ModelID, error) {
	all := map[string]mesh.ModelID{
		"onoff": generic.OnOffServerID, "onoff-client": generic.OnOffClientID, "level-client": generic.LevelClientID,
		"sensor": sensor.ServerID, "lightness": light.LightnessServerID, "health": foundation.HealthServerID,
	}
	if id, ok := all[name]; ok {
		return id, nil
	}
	return 0, fmt.Errorf("there is no model %q", name)
}

// setting changes the state of a node by a word like "relay=on" or
// "subscribe=onoff:c000".
func setting(word string, n *state.Node) error {
	name, text, _ := strings.Cut(word, "=")
	feature := map[string]state.Feature{"off": state.Disabled, "on": state.Enabled, "no": state.Unsupported}[text]
	number, _ := strconv.Atoi(text)
	parts := strings.Split(text, ":")
	model := func() *state.Model {
		id, err := modelNamed(parts[0])
		if err != nil {
			return nil
		}
		for i := range n.Elements {
			if m := n.Elements[i].Model(id); m != nil {
				return m
			}
		}
		return nil
	}
	hex := func(i int) mesh.Address {
		if i >= len(parts) {
			return 0
		}
		a, _ := strconv.ParseUint(parts[i], 16, 16)
		return mesh.Address(a)
	}
	switch name {
	case "relay":
		n.Relay = feature
	case "proxy":
		n.Proxy = feature
	case "friend":
		n.Friend = feature
	case "private-proxy":
		n.PrivateProxy = feature
	case "on-demand-proxy":
		n.OnDemandProxy = uint8(number)
	case "beacon":
		n.Beacon = feature == state.Enabled
	case "private-beacon":
		n.PrivateBeacon.Enabled = feature == state.Enabled
	case "ttl":
		n.DefaultTTL = mesh.TTL(number)
	case "iv":
		n.IVIndex = mesh.IVIndex(number)
	case "iv-unknown":
		n.IVIndexUnknown = true
	case "network-key":
		n.Subnets = append(n.Subnets, state.Subnet{Index: mesh.KeyIndex(number), Key: netKeyOf(mesh.KeyIndex(number))})
	case "primary-subnet": // "no": the node is not in it
		n.Subnets, n.AppKeys = n.Subnets[1:], nil
	case "application-key": // index:network key
		app, net := mesh.KeyIndex(hex(0)), mesh.KeyIndex(hex(1))
		n.AppKeys = append(n.AppKeys, state.AppKey{Index: app, NetKey: net, Key: appKeyOf(app)})
		for i := range n.Elements {
			for j := range n.Elements[i].Models {
				if m := &n.Elements[i].Models[j]; len(m.Bindings) > 0 {
					m.Bindings = append(m.Bindings, app)
				}
			}
		}
	case "phase": // network key:phase
		k := n.Subnet(mesh.KeyIndex(hex(0)))
		k.Phase, k.NewKey = state.Phase(hex(1)), newKeyOf(k.Index)
	case "bridge": // network key:network key:address:address
		n.Bridge.Enabled = true
		n.Bridge.Table = append(n.Bridge.Table, state.BridgeEntry{
			NetKey1: mesh.KeyIndex(hex(0)), NetKey2: mesh.KeyIndex(hex(1)), Address1: hex(2), Address2: hex(3), BothWays: true,
		})
	case "subscribe": // model:address
		if model() == nil {
			return fmt.Errorf("the node has no model %q", parts[0])
		}
		model().Subscriptions = append(model().Subscriptions, hex(1))
	case "publish": // model:address[:period octet[:retransmit octet]]
		if model() == nil {
			return fmt.Errorf("the node has no model %q", parts[0])
		}
		model().Publication = state.Publication{Address: hex(1), TTL: mesh.DefaultTTL, Period: uint8(hex(2)), Retransmit: uint8(hex(3))}
	case "heartbeat": // address:period log:count log
		n.HeartbeatPublication = state.HeartbeatPublication{
			Destination: hex(0), PeriodLog: uint8(hex(1)), CountLog: uint8(hex(2)), TTL: 5, Features: 0xF,
		}
	default:
		return fmt.Errorf("there is no setting %q", name)
	}
	return nil
}

// deafen lets two nodes not hear each other: "deaf gateway plug", "deaf gateway
// plug off".
func (s *scenario) deafen() error {
	a, b := s.d.CmdArgs[0].Key, s.d.CmdArgs[1].Key
	on := len(s.d.CmdArgs) < 3
	s.deafTo[[2]string{a, b}], s.deafTo[[2]string{b, a}] = on, on
	s.say("ok")
	return nil
}

// lose loses advertisements: "loss 20" for every fifth.
func (s *scenario) lose() error {
	percent, err := strconv.Atoi(s.d.CmdArgs[0].Key)
	s.loss = float64(percent) / 100
	s.say("ok")
	return err
}
