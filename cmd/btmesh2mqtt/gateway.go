package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// gateway is the whole service: radios, node, bridge and session.
//
//	radio ─▶ node ─▶ service ─▶ session
//	      ◀─      ◀─         ◀─
type gateway struct {
	store         *watch.Store
	storeFindings []string // damage of it that was repaired
	node          *node.Node
	radios        []*radio
	service       *bridge.Service
	session       *mqtt.Session
	online        chan struct{} // closed after the first connection to the broker
	log           zerolog.Logger
}

// newGateway makes the parts and connects them. Nothing runs yet. Before it
// creates a new network, it waits for an adapter until ctx ends.
func newGateway(ctx context.Context, c *config.Config, all []adapter, log zerolog.Logger) (*gateway, error) {
	topics, err := topic.New(c.MQTT.BaseTopic)
	if err != nil {
		return nil, err
	}
	g := &gateway{log: log, online: make(chan struct{})}
	opened := slowly(log, "opening the store "+storePath(c.Store.Dir))
	g.store, g.storeFindings, err = openStore(c.Store.Dir)
	if opened(); err != nil {
		return nil, err
	}
	if err := g.connect(ctx, c, topics, all); err != nil {
		return nil, errors.Join(err, g.store.Close())
	}
	return g, nil
}

// inMemory means that there is no directory: the demo's network is lost when
// the program ends. The configuration does not allow an empty directory, so run
// never uses it.
const inMemory = ""

// openStore opens a directory as the store of a node, and watches whether it works. The
// findings are damage that was repaired.
func openStore(dir string) (s *watch.Store, findings []string, err error) {
	if dir == inMemory {
		return watch.New(store.NewMemory(), "in memory"), nil, nil
	}
	var watched atomic.Pointer[watch.Store] // nil until the store is open
	opened, err := disk.Open(dir, disk.Options{
		Keep:   keptOutside(),
		Traces: traces(dir),
		Syncing: func() func(error) {
			if w := watched.Load(); w != nil {
				return w.Syncing()
			}
			return func(error) {} // the next sync comes soon
		},
	})
	if err != nil {
		return nil, nil, remedy(dir, err)
	}
	watched.Store(watch.New(opened, storePath(dir)))
	return watched.Load(), opened.Findings(), nil
}

// traces are what is in the directory of a store only if there was one.
func traces(dir string) []string {
	aside, _ := filepath.Glob(filepath.Join(dir, disk.AsidePrefix+"*")) // the pattern is right
	return append(aside, backups(dir))
}

// keptOutside are the values of the store that must never be replaced by older
// ones, so that the manifest has them as well.
func keptOutside() []disk.Key {
	var keys []disk.Key
	for _, key := range node.Reserves() {
		keys = append(keys, disk.Key{Table: node.TableNode, Key: key})
	}
	return keys
}

// remedy adds to an error of a damaged store what to do about it.
func remedy(dir string, err error) error {
	if !errors.Is(err, store.ErrDamaged) {
		return err
	}
	backup, secret := "BACKUP", ""
	all, _ := filepath.Glob(filepath.Join(backups(dir), "*.backup")) // the pattern is right
	encrypted, _ := filepath.Glob(filepath.Join(backups(dir), "*.backup.age"))
	if all = append(all, encrypted...); len(all) > 0 {
		backup = slices.Max(all) // their names have the time
	}
	if strings.HasSuffix(backup, ".age") {
		secret = " --passphrase-file FILE" // or --identity-file, as its error says
	}
	return fmt.Errorf("%w\nNothing was changed, and no new network was created. To go on with the newest backup, run:\n"+
		"  btmesh2mqtt network restore %s --replace%s --store.dir %s\n"+
		"Without a backup, this goes on with what is left, and tells what is lost. It cannot repair damaged pages of mesh.db:\n"+
		"  btmesh2mqtt network repair --store.dir %s", err, backup, secret, dir, dir)
}

func (g *gateway) connect(ctx context.Context, c *config.Config, topics topic.Topics, all []adapter) error {
	// First what only a person can repair: a network must not wait for it.
	oob, err := hex.DecodeString(c.Mesh.Provision.StaticOOB.Reveal())
	if err != nil {
		return fmt.Errorf("mesh.provision.static_oob: %w", err)
	}
	anchors, err := trustAnchors(c.Mesh.Provision.TrustAnchors)
	if err != nil {
		return err
	}
	files, err := openFirmware(c.Firmware.Dir)
	if err != nil {
		return err
	}
	var noAdapter error
	read := slowly(g.log, "reading the store "+storePath(c.Store.Dir))
	defer read()
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
	}, func() (node.Saved, error) {
		read() // the wait for an adapter is none for the disk
		if noAdapter = awaitAdapter(ctx, all, c.HCI.Wait, g.log); noAdapter != nil {
			return node.Saved{}, noAdapter
		}
		g.log.Info().Str("store", storePath(c.Store.Dir)).Msg("the store is empty; creating a new network")
		return node.NewNetwork(mesh.Address(c.Mesh.Address), rand.Reader)
	})
	switch {
	case noAdapter != nil:
		return noAdapter
	case err != nil:
		return remedy(c.Store.Dir, fmt.Errorf("%w (the store is %s)", err, storePath(c.Store.Dir)))
	}
	for number, a := range all {
		g.radios = append(g.radios, newRadio(number, a, g.node, func() { g.service.AdaptersChanged() }, c.HCI.Wait, g.log))
	}
	useGATT(g.node, g.radios...)
	serviceConfig := bridge.Config{
		Mesh:          g.node,
		Store:         g.store,
		StoreFindings: g.storeFindings,
		Topics:        topics,
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
		Broker:   func() mqtt.Stats { return g.session.Stats() },

		RefreshPatience: c.Mesh.RefreshPatience,
	}
	if serviceConfig.KeyExport, err = bridge.ParseKeyExport(c.MQTT.KeyExport); err != nil {
		return fmt.Errorf("mqtt.key_export: %w", err)
	}
	if len(oob) > 0 {
		serviceConfig.StaticOOB = provision.AuthValue(oob)
	}
	serviceConfig.RequireOOB = !c.Mesh.Provision.AllowNoOOB
	serviceConfig.TrustAnchors, serviceConfig.Firmware = anchors, files
	if g.service, err = bridge.New(serviceConfig); err != nil {
		return err
	}
	options := sessionOptions(c, topics, g.service.Handle, g.log)
	options.OnStatus, options.OnNotice = g.sessionChanged, g.service.Notice
	g.session, err = mqtt.New(options)
	return err
}

// trustAnchors reads the certificates that sign those of devices. It returns
// nil if there is no file.
func trustAnchors(path string) (*provision.TrustAnchors, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readFile(path)
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
	g.service.Status(s)
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
	subscriptions := bridge.Subscriptions(topics)
	if c.HomeAssistant.Enabled {
		subscriptions = append(subscriptions, mqtt.Subscription{Filter: c.HomeAssistant.StatusTopic, QoS: atLeastOnce})
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
		Limits:        mqtt.Limits{Connect: c.MQTT.ConnectTimeout, Expiry: c.MQTT.EventExpiry},
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
// released. It calls ready when the radios have been tried.
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
	beginnings := make([]*beginning, 0, len(g.radios))
	for _, r := range g.radios {
		radios = append(radios, r.bearer)
		beginnings = append(beginnings, r.begin)
		parts.Go(func() { _ = r.controller.Run(inner) }) // returns the context's error
	}
	if err := awaitBeginnings(ctx, beginnings); err != nil {
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
