package bluez

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/godbus/dbus/v5"
)

// Node is the node of an application: Node1 and Management1. Errors are those of
// the daemon, *dbus.Error with names such as org.bluez.mesh.Error.NotAuthorized.
type Node struct {
	// Configurations is how the models were configured when it attached.
	Configurations []Configuration

	app  *Application
	path dbus.ObjectPath
}

// SendOption changes how a message is sent.
type SendOption func(options map[string]dbus.Variant)

// Segmented has even a short message go out in a segment.
func Segmented() SendOption {
	return func(options map[string]dbus.Variant) { options["ForceSegmented"] = dbus.MakeVariant(true) }
}

func sendOptions(with []SendOption) map[string]dbus.Variant {
	options := map[string]dbus.Variant{}
	for _, o := range with {
		o(options)
	}
	return options
}

// Send sends an access message (opcode and parameters) of an element with an
// AppKey that is bound to a model of it.
func (n *Node) Send(element int, to mesh.Address, key mesh.KeyIndex, data []byte, with ...SendOption) error {
	return n.app.call(n.path, "Node1.Send", elementPath(element), uint16(to), uint16(key), sendOptions(with), data).Err
}

// DevKeySend sends an access message with a device key: if remote that of the
// destination, which the daemon must know, otherwise this node's own.
func (n *Node) DevKeySend(element int, to mesh.Address, remote bool, net mesh.KeyIndex, data []byte, with ...SendOption) error {
	return n.app.call(n.path, "Node1.DevKeySend", elementPath(element), uint16(to), remote, uint16(net), sendOptions(with), data).Err
}

// Publish sends an access message to where a model publishes.
func (n *Node) Publish(element int, model mesh.ModelID, data []byte, with ...SendOption) error {
	options := sendOptions(with)
	if model.IsVendor() {
		options["Vendor"] = dbus.MakeVariant(uint16(model.Company()))
	}
	return n.app.call(n.path, "Node1.Publish", elementPath(element), model.Number(), options, data).Err
}

// AddNetKey sends a Config NetKey Add, or Update, with a key of the daemon's.
func (n *Node) AddNetKey(to mesh.Address, key, net mesh.KeyIndex, update bool) error {
	return n.app.call(n.path, "Node1.AddNetKey", elementPath(0), uint16(to), uint16(key), uint16(net), update).Err
}

// AddAppKey sends a Config AppKey Add, or Update, with a key of the daemon's.
func (n *Node) AddAppKey(to mesh.Address, key, net mesh.KeyIndex, update bool) error {
	return n.app.call(n.path, "Node1.AddAppKey", elementPath(0), uint16(to), uint16(key), uint16(net), update).Err
}

// property reads a property of Node1, which is of type T.
func property[T any](n *Node, name string) T {
	n.app.t.Helper()
	var v dbus.Variant
	err := n.app.conn.Object("org.bluez.mesh", n.path).Call(properties+".Get", 0, "org.bluez.mesh.Node1", name).Store(&v)
	value, ok := v.Value().(T)
	if err != nil || !ok {
		n.app.t.Fatalf("Node1.%s is %v, %v", name, v, err)
	}
	return value
}

// IVIndex is the current IV index.
func (n *Node) IVIndex() mesh.IVIndex { return mesh.IVIndex(property[uint32](n, "IvIndex")) }

// IVUpdate tells whether an IV Update is in progress.
func (n *Node) IVUpdate() bool { return property[bool](n, "IvUpdate") }

// SequenceNumber is the next one.
func (n *Node) SequenceNumber() mesh.SequenceNumber {
	return mesh.SequenceNumber(property[uint32](n, "SequenceNumber"))
}

// Beacon tells whether the node sends Secure Network beacons.
func (n *Node) Beacon() bool { return property[bool](n, "Beacon") }

// LastHeard is how long ago something of the network was heard, in whole seconds.
func (n *Node) LastHeard() time.Duration {
	return time.Duration(property[uint32](n, "SecondsSinceLastHeard")) * time.Second
}

// Addresses are those of the elements.
func (n *Node) Addresses() []mesh.Address {
	n.app.t.Helper()
	var all []mesh.Address
	for _, a := range property[[]uint16](n, "Addresses") {
		all = append(all, mesh.Address(a))
	}
	return all
}

// Features are what the node can do ("Relay", "Friend", "Proxy", "LowPower"),
// and whether that is enabled.
func (n *Node) Features() map[string]bool {
	n.app.t.Helper()
	all := map[string]bool{}
	for name, v := range property[map[string]dbus.Variant](n, "Features") {
		all[name], _ = v.Value().(bool)
	}
	return all
}

func (n *Node) manage(method string, args ...any) error {
	return n.app.call(n.path, "Management1."+method, args...).Err
}

// Scan reports unprovisioned devices, see Application.Found, for some seconds; 0
// is until ScanCancel or AddNode.
func (n *Node) Scan(seconds uint16) error {
	return n.manage("UnprovisionedScan", map[string]dbus.Variant{"Seconds": dbus.MakeVariant(seconds)})
}

// ScanCancel ends Scan.
func (n *Node) ScanCancel() error { return n.manage("UnprovisionedScanCancel") }

// AddNode provisions a device and waits for that. It returns the address and the
// number of elements; the error is the daemon's, or its reason for a failure.
func (n *Node) AddNode(uuid mesh.UUID) (mesh.Address, int, error) {
	a := n.app
	a.mu.Lock()
	next := len(a.added)
	a.mu.Unlock()
	if err := n.manage("AddNode", uuid[:], map[string]dbus.Variant{}); err != nil {
		return 0, 0, err
	}
	var end addition
	err := a.await("the provisioning of "+uuid.String(), func() bool {
		for ; next < len(a.added); next++ {
			if end = a.added[next]; end.uuid == uuid {
				return true
			}
		}
		return false
	})
	if err == nil && end.reason != "" {
		err = fmt.Errorf("bluez: AddNodeFailed: %s", end.reason)
	}
	return end.address, end.elements, err
}

// What follows changes the daemon's own keys only; AddNetKey and AddAppKey tell
// other nodes of them.

// CreateSubnet makes a NetKey.
func (n *Node) CreateSubnet(net mesh.KeyIndex) error { return n.manage("CreateSubnet", uint16(net)) }

// ImportSubnet takes a NetKey.
func (n *Node) ImportSubnet(net mesh.KeyIndex, key crypto.Key) error {
	return n.manage("ImportSubnet", uint16(net), key.Reveal())
}

// UpdateSubnet makes a new NetKey: Key Refresh phase 1.
func (n *Node) UpdateSubnet(net mesh.KeyIndex) error { return n.manage("UpdateSubnet", uint16(net)) }

// DeleteSubnet forgets a NetKey other than the primary one.
func (n *Node) DeleteSubnet(net mesh.KeyIndex) error { return n.manage("DeleteSubnet", uint16(net)) }

// SetKeyPhase goes on with Key Refresh: 2, 3 or, from phase 1, 0 to give it up.
func (n *Node) SetKeyPhase(net mesh.KeyIndex, phase uint8) error {
	return n.manage("SetKeyPhase", uint16(net), phase)
}

// CreateAppKey makes an AppKey.
func (n *Node) CreateAppKey(net, app mesh.KeyIndex) error {
	return n.manage("CreateAppKey", uint16(net), uint16(app))
}

// ImportAppKey takes an AppKey.
func (n *Node) ImportAppKey(net, app mesh.KeyIndex, key crypto.Key) error {
	return n.manage("ImportAppKey", uint16(net), uint16(app), key.Reveal())
}

// UpdateAppKey makes a new AppKey while its NetKey is in phase 1.
func (n *Node) UpdateAppKey(app mesh.KeyIndex) error { return n.manage("UpdateAppKey", uint16(app)) }

// DeleteAppKey forgets an AppKey.
func (n *Node) DeleteAppKey(app mesh.KeyIndex) error { return n.manage("DeleteAppKey", uint16(app)) }

// ImportRemoteNode takes another node's device key.
func (n *Node) ImportRemoteNode(address mesh.Address, elements uint8, key crypto.Key) error {
	return n.manage("ImportRemoteNode", uint16(address), elements, key.Reveal())
}

// DeleteRemoteNode forgets another node's device key.
func (n *Node) DeleteRemoteNode(address mesh.Address, elements uint8) error {
	return n.manage("DeleteRemoteNode", uint16(address), elements)
}

// Keys are those that the daemon manages for a node.
type Keys struct {
	Net    map[mesh.KeyIndex]NetKey
	Device map[mesh.Address]crypto.Key
}

// NetKey is a NetKey and its AppKeys. Old and new differ in a Key Refresh only.
type NetKey struct {
	Phase    uint8
	Key, Old crypto.Key
	App      map[mesh.KeyIndex]AppKey
}

// AppKey is an AppKey, with the old one in a Key Refresh.
type AppKey struct{ Key, Old crypto.Key }

// ExportKeys reads them.
func (n *Node) ExportKeys() (Keys, error) {
	type indexed struct {
		Index   uint16
		Key     []byte
		Options map[string]dbus.Variant
	}
	keys := Keys{Net: map[mesh.KeyIndex]NetKey{}, Device: map[mesh.Address]crypto.Key{}}
	var reply map[string]dbus.Variant
	if err := n.app.call(n.path, "Management1.ExportKeys").Store(&reply); err != nil {
		return keys, err
	}
	var nets []indexed
	var devices []struct {
		Address uint16
		Key     []byte
	}
	for name, to := range map[string]any{"NetKeys": &nets, "DevKeys": &devices} {
		if v, ok := reply[name]; ok {
			if err := v.Store(to); err != nil {
				return keys, fmt.Errorf("bluez: ExportKeys: %s: %w", name, err)
			}
		}
	}
	for _, d := range devices {
		keys.Device[mesh.Address(d.Address)] = key(d.Key)
	}
	for _, k := range nets {
		net := NetKey{Key: key(k.Key), Old: key(k.Key), App: map[mesh.KeyIndex]AppKey{}}
		net.Phase, _ = k.Options["Phase"].Value().(uint8)
		if old, ok := k.Options["OldKey"].Value().([]byte); ok {
			net.Old = key(old)
		}
		var apps []indexed
		if v, ok := k.Options["AppKeys"]; ok {
			if err := v.Store(&apps); err != nil {
				return keys, fmt.Errorf("bluez: ExportKeys: AppKeys: %w", err)
			}
		}
		for _, k := range apps {
			app := AppKey{Key: key(k.Key), Old: key(k.Key)}
			if old, ok := k.Options["OldKey"].Value().([]byte); ok {
				app.Old = key(old)
			}
			net.App[mesh.KeyIndex(k.Index)] = app
		}
		keys.Net[mesh.KeyIndex(k.Index)] = net
	}
	return keys, nil
}

func key(octets []byte) (k crypto.Key) {
	copy(k[:], octets)
	return k
}
