package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/config"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/health"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
)

// gateway is the whole service: radios, node, bridge and session.
//
//	radio ─▶ node ─▶ service ─▶ session
//	      ◀─      ◀─         ◀─
type gateway struct {
	store   store.Store
	node    *node.Node
	radios  []*radio
	service *bridge.Service
	session *mqtt.Session
	online  chan struct{} // closed after the first connection to the broker
	log     zerolog.Logger
}

// newGateway makes the parts and connects them. Nothing runs yet.
func newGateway(c *config.Config, all []adapter, log zerolog.Logger) (*gateway, error) {
	topics, err := topic.New(c.MQTT.BaseTopic)
	if err != nil {
		return nil, err
	}
	g := &gateway{log: log, online: make(chan struct{})}
	if g.store, err = openStore(c.Store.Dir, log); err != nil {
		return nil, err
	}
	if err := g.connect(c, topics, all); err != nil {
		return nil, errors.Join(err, g.store.Close())
	}
	return g, nil
}

// inMemory means that there is no directory: the demo's network is lost when
// the program ends. The configuration does not allow an empty directory, so run
// never uses it.
const inMemory = ""

// openStore opens a directory as the store of a node.
func openStore(dir string, log zerolog.Logger) (store.Store, error) {
	if dir == inMemory {
		return store.NewMemory(), nil
	}
	return disk.Open(dir, disk.Options{OnError: func(err error) { log.Error().Err(err).Msg("the store reports an error") }})
}

func (g *gateway) connect(c *config.Config, topics topic.Topics, all []adapter) error {
	var err error
	g.node, err = node.Open(node.Config{
		Options: node.Options{
			Elements: gatewayElements(),
			Random:   rand.Reader,
			Monitor:  true,
			Resident: true,
			Proxy:    proxyOptions(&c.Mesh.Proxy),
		},
		Store:  g.store,
		Adjust: func(n *state.Node) { adjust(n, &c.Mesh) },
		Report: func(e node.Event) { g.service.Report(e) },
		StoreFailed: func(err error) {
			if err == nil {
				g.log.Info().Msg("the store works again")
				return
			}
			g.log.Error().Err(err).Msg("the store cannot be written; nothing is sent until it can")
		},
	}, func() (node.Saved, error) {
		g.log.Info().Str("store", storePath(c.Store.Dir)).Msg("the store is empty; creating a new network")
		return node.NewNetwork(mesh.Address(c.Mesh.Address), rand.Reader)
	})
	if err != nil {
		return fmt.Errorf("%w (the store is %s)", err, storePath(c.Store.Dir))
	}
	for number, a := range all {
		g.radios = append(g.radios, newRadio(number, a, g.node, g.log))
	}
	useGATT(g.node, g.radios...)
	oob, err := hex.DecodeString(c.Mesh.Provision.StaticOOB.Reveal())
	if err != nil {
		return fmt.Errorf("mesh.provision.static_oob: %w", err)
	}
	serviceConfig := bridge.Config{
		Mesh:   g.node,
		Store:  g.store,
		Topics: topics,
		HomeAssistant: homeassistant.Options{
			Enabled:     c.HomeAssistant.Enabled,
			Prefix:      c.HomeAssistant.DiscoveryPrefix,
			StatusTopic: c.HomeAssistant.StatusTopic,
			Version:     programVersion(),
		},
		Address:  g.node.Address(),
		Network:  c.Mesh.Name,
		Adapters: g.adapters,
		Version:  programVersion(),
		Backups:  backups(c.Store.Dir),
		Logger:   g.log,

		RefreshPatience: c.Mesh.RefreshPatience,
	}
	if serviceConfig.KeyExport, err = bridge.ParseKeyExport(c.MQTT.KeyExport); err != nil {
		return fmt.Errorf("mqtt.key_export: %w", err)
	}
	if len(oob) > 0 {
		serviceConfig.StaticOOB = provision.AuthValue(oob)
	}
	serviceConfig.RequireOOB = !c.Mesh.Provision.AllowNoOOB
	if serviceConfig.TrustAnchors, err = trustAnchors(c.Mesh.Provision.TrustAnchors); err != nil {
		return err
	}
	if serviceConfig.Firmware, err = openFirmware(c.Firmware.Dir); err != nil {
		return err
	}
	if g.service, err = bridge.New(serviceConfig); err != nil {
		return err
	}
	options := sessionOptions(c, topics, g.service.Handle, g.log)
	options.OnStatus = g.sessionChanged
	g.session, err = mqtt.New(options)
	return err
}

// trustAnchors reads the certificates that sign those of devices. It returns
// nil if there is no file.
func trustAnchors(path string) (*provision.TrustAnchors, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("mesh.provision.trust_anchors: %w", err)
	}
	anchors, err := provision.ParseTrustAnchors(text)
	if err != nil {
		return nil, fmt.Errorf("mesh.provision.trust_anchors: %s: %w", path, err)
	}
	return anchors, nil
}

// sessionChanged is called by one goroutine after every change of the
// connection to the broker.
func (g *gateway) sessionChanged(s mqtt.Status) {
	if s.State != mqtt.Connected {
		return
	}
	select {
	case <-g.online:
	default:
		close(g.online)
	}
}

// gatewayProduct identifies the bridge in its composition data. The company
// identifier is the reserved one, because this project has none.
func gatewayProduct() configuration.Product {
	const bridgeProduct, bridgeVersion = 0x0B00, 1
	return configuration.Product{CompanyID: device.Company, ProductID: bridgeProduct, VersionID: bridgeVersion}
}

// gatewayElements describes the bridge as a node: one element with the models
// that every node has, and the client models of everything that it translates.
func gatewayElements() []access.Element {
	product := gatewayProduct()
	models := []access.Model{
		configuration.NewServer(product),
		health.NewServer(product.CompanyID).Model(),
	}
	for _, id := range []mesh.ModelID{
		foundation.ConfigurationClientID, foundation.RemoteProvisioningClientID,
		generic.OnOffClientID, generic.LevelClientID, generic.BatteryClientID,
		sensor.ClientID,
		light.LightnessClientID, light.CTLClientID, light.HSLClientID,
		blob.TransferClientID, firmware.UpdateClientID, firmware.DistributionClientID,
	} {
		models = append(models, access.Client(id))
	}
	return []access.Element{{Models: models}}
}

// adjust applies the configuration of the bridge's own node.
func adjust(n *state.Node, c *config.Mesh) {
	n.DefaultTTL = mesh.TTL(c.DefaultTTL)
	n.NetworkTransmit = retransmit(c.NetworkTransmit)
	n.RelayRetransmit = retransmit(c.RelayRetransmit)
	n.Relay = state.Disabled
	if c.Relay {
		n.Relay = state.Enabled
	}
	n.Friend = state.Disabled
	if c.Friend {
		n.Friend = state.Enabled
	}
	n.Proxy = proxyFeature(&c.Proxy)
}

func retransmit(t config.Transmit) state.Retransmit {
	return state.Retransmit{Count: uint8(t.Count - 1), Steps: uint8(t.Interval/(10*time.Millisecond) - 1)}
}

// sessionOptions configures the session with the broker: what it announces and
// what it subscribes to.
func sessionOptions(c *config.Config, topics topic.Topics, handle func(mqtt.Message), log zerolog.Logger) mqtt.Options {
	const atLeastOnce = 1
	filters := topics.Filters()
	if c.HomeAssistant.Enabled {
		filters = append(filters, c.HomeAssistant.StatusTopic)
	}
	subscriptions := make([]mqtt.Subscription, 0, len(filters))
	for _, filter := range filters {
		subscriptions = append(subscriptions, mqtt.Subscription{Filter: filter, QoS: atLeastOnce})
	}
	return mqtt.Options{
		URL:      c.MQTT.URL,
		Username: c.MQTT.Username,
		Password: c.MQTT.Password.Reveal(),
		ClientID: c.MQTT.ClientID,
		TLS: mqtt.TLS{
			CAFile:     c.MQTT.TLS.CA,
			CertFile:   c.MQTT.TLS.Cert,
			KeyFile:    c.MQTT.TLS.Key,
			ServerName: c.MQTT.TLS.ServerName,
			Insecure:   c.MQTT.TLS.InsecureSkipVerify,
		},
		Will:          mqtt.Message{Topic: topics.BridgeState(), Payload: []byte(`{"state":"offline"}`), Retained: true},
		Birth:         mqtt.Message{Topic: topics.BridgeState(), Payload: []byte(`{"state":"online"}`), Retained: true},
		Subscriptions: subscriptions,
		Handler:       handle,
		Logger:        log,
	}
}

func (g *gateway) adapters() []bridge.Adapter {
	all := make([]bridge.Adapter, 0, len(g.radios))
	for _, r := range g.radios {
		all = append(all, r.describe())
	}
	return all
}

// run runs everything until ctx ends. Then it stops the parts, starting at the
// broker: first the bridge's last messages are sent, and last the radio is
// released. It calls ready when the radios work.
func (g *gateway) run(ctx context.Context, ready func(ctx context.Context)) (failed error) {
	const patience = 5 * time.Second
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	defer func() {
		stopInner()
		parts.Wait()
		failed = errors.Join(failed, g.store.Close())
	}()
	radios := make(bearer.Fanout, 0, len(g.radios))
	for _, r := range g.radios {
		radios = append(radios, r.bearer)
		parts.Go(func() { _ = r.controller.Run(inner) }) // returns the context's error
	}
	if err := awaitRadios(ctx, g.radios); err != nil {
		return err
	}
	parts.Go(func() { g.node.Run(inner, radios) })
	g.session.Start()
	parts.Go(func() {
		if ready != nil {
			ready(ctx)
		}
	})
	err := g.service.Run(ctx, g.session)
	closing, cancel := context.WithTimeout(inner, patience)
	defer cancel()
	if late := g.session.Close(closing); late != nil {
		g.log.Warn().Err(late).Msg("the broker did not accept all messages in time")
	}
	return err
}

// backups is the directory for the backups of a store.
func backups(dir string) string {
	if dir == inMemory {
		return ""
	}
	return filepath.Join(storePath(dir), "backups")
}

// storePath returns the directory as people can find it.
func storePath(dir string) string {
	if dir == inMemory {
		return "in memory"
	}
	if path, err := filepath.Abs(dir); err == nil {
		return path
	}
	return dir
}
