package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Network is what the bridge knows of its network.
type Network struct {
	Name       string
	Node       *state.Node
	Peers      []state.Peer
	Records    []*device.Record
	Exclusions []node.Exclusion
	Kept       Kept
	Now        time.Time
}

// Write describes the network as a database that others can import: the bridge
// is one of its provisioners and one of its nodes.
func Write(n Network) *cdb.Database {
	d := n.head()
	_ = n.nodes(inMemory(&n), func(node *cdb.Node) error { // memory does not fail
		d.Nodes = append(d.Nodes, *node)
		d.Partial = d.Partial || node.DeviceKey == nil // as it came
		return nil
	})
	return d
}

// Export writes the network in a store as a database, node by node. n has the
// nodes' addresses and keys, but neither Records nor Kept.
func Export(w io.Writer, s store.Store, n Network) error {
	from, err := inStore(s)
	if err != nil {
		return err
	}
	n.Kept.Head = from.head
	d := n.head()
	// The head says whether a device key is missing, so the nodes are read twice.
	err = n.nodes(from, func(node *cdb.Node) error {
		d.Partial = d.Partial || node.DeviceKey == nil
		return nil
	})
	if err != nil {
		return err
	}
	out, err := cdb.NewWriter(w, d)
	if err != nil {
		return err
	}
	if err := n.nodes(from, out.Add); err != nil {
		return err
	}
	return out.Close()
}

// head is the database without its nodes, and complete.
func (n *Network) head() *cdb.Database {
	d := &cdb.Database{UUID: n.Node.UUID, Name: n.Name}
	if n.Kept.Head != nil {
		*d = *n.Kept.Head
	}
	d.Partial, d.Nodes = false, nil
	d.Timestamp = n.Now.UTC().Truncate(time.Second)
	d.NetKeys = n.netKeys(d.NetKeys)
	d.AppKeys = n.appKeys(d.AppKeys)
	d.Provisioners = append(slices.Clone(d.Provisioners), n.provisioner())
	d.Exclusions = merge(d.Exclusions, exclusions(n.Exclusions))
	return d
}

func (n *Network) netKeys(named []cdb.NetKey) []cdb.NetKey {
	keys := make([]cdb.NetKey, 0, len(n.Node.Subnets))
	for _, s := range n.Node.Subnets {
		k := cdb.NetKey{Name: fmt.Sprintf("NetKey %d", s.Index), Timestamp: n.Now.UTC().Truncate(time.Second)}
		for _, old := range named {
			if old.Index == s.Index {
				k = old
			}
		}
		k.Index, k.Key, k.OldKey, k.Phase = s.Index, s.Key, nil, 0
		if s.Phase != state.NormalOperation {
			k.Phase, k.Key, k.OldKey = uint8(s.Phase), s.NewKey, &s.Key
		}
		keys = append(keys, k)
	}
	return keys
}

func (n *Network) appKeys(named []cdb.AppKey) []cdb.AppKey {
	keys := make([]cdb.AppKey, 0, len(n.Node.AppKeys))
	for _, a := range n.Node.AppKeys {
		k := cdb.AppKey{Name: fmt.Sprintf("AppKey %d", a.Index)}
		for _, old := range named {
			if old.Index == a.Index {
				k = old
			}
		}
		k.Index, k.BoundNet, k.Key, k.OldKey = a.Index, a.NetKey, a.Key, nil
		if a.Updated {
			k.Key, k.OldKey = a.NewKey, &a.Key
		}
		keys = append(keys, k)
	}
	return keys
}

// provisioner is the bridge's entry in the list of provisioners.
func (n *Network) provisioner() cdb.Provisioner {
	last := n.Node.LastAddress
	if last == mesh.Unassigned {
		last = mesh.LastUnicast
	}
	return cdb.Provisioner{
		Name: n.Name, UUID: n.Node.UUID,
		Unicast: []cdb.AddressRange{{Low: n.Node.Address, High: last}},
	}
}

// details are what is known of a node beyond its address and key.
type details struct {
	head   *cdb.Database // as imported
	record func(mesh.UUID) (*device.Record, error)
	kept   func(mesh.UUID) (*cdb.Node, error)
	others []mesh.UUID // imported nodes that may not be devices of the bridge
}

// inMemory are the details of a network that is in memory.
func inMemory(n *Network) details {
	records := map[mesh.UUID]*device.Record{}
	for _, r := range n.Records {
		records[r.UUID] = r
	}
	return details{
		record: func(uuid mesh.UUID) (*device.Record, error) { return records[uuid], nil },
		kept:   func(uuid mesh.UUID) (*cdb.Node, error) { return n.Kept.Nodes[uuid], nil },
		others: slices.Collect(maps.Keys(n.Kept.Nodes)),
	}
}

// inStore are the details of the network in a store.
func inStore(s store.Store) (details, error) {
	d := details{
		record: func(uuid mesh.UUID) (*device.Record, error) {
			return stored(s, device.Table, uuid.String(), device.Parse)
		},
		kept: func(uuid mesh.UUID) (*cdb.Node, error) { return stored(s, Table, uuid.String(), parseKept) },
	}
	var err error
	d.head, err = stored(s, Table, keyNetwork, func(_ string, data []byte) (*cdb.Database, error) { return parseHead(data) })
	if err != nil || d.head == nil {
		return d, err
	}
	others, err := stored(s, Table, keyOthers, func(_ string, data []byte) (*[]mesh.UUID, error) {
		var list []mesh.UUID
		return &list, json.Unmarshal(data, &list)
	})
	if err != nil {
		return d, err
	}
	if others != nil {
		d.others = *others
		return d, nil
	}
	all, err := LoadKept(s) // imported by an older version
	d.others = slices.Collect(maps.Keys(all.Nodes))
	return d, err
}

// stored reads a value, and returns nil if there is none.
func stored[T any](s store.Store, t store.Table, key string, parse func(key string, data []byte) (*T, error)) (*T, error) {
	data, err := s.Get(t, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, fmt.Errorf("handover: %w", err)
	}
	return parse(key, data)
}

// nodes visits the bridge, its devices, and the other nodes of the import: other
// provisioners and excluded nodes.
func (n *Network) nodes(from details, visit func(*cdb.Node) error) error {
	self := n.self()
	if err := visit(&self); err != nil {
		return err
	}
	listed := map[mesh.UUID]bool{n.Node.UUID: true}
	for _, p := range n.Peers {
		listed[p.UUID] = true
		record, err := from.record(p.UUID)
		if err != nil {
			return err
		}
		kept, err := from.kept(p.UUID)
		if err != nil {
			return err
		}
		node := n.node(p, record, kept)
		if err := visit(&node); err != nil {
			return err
		}
	}
	provisioners := map[mesh.UUID]bool{}
	if n.Kept.Head != nil {
		provisioners = provisionersOf(n.Kept.Head)
	}
	slices.SortFunc(from.others, func(a, b mesh.UUID) int { return slices.Compare(a[:], b[:]) })
	for _, uuid := range from.others {
		if listed[uuid] {
			continue
		}
		kept, err := from.kept(uuid)
		if err != nil {
			return err
		}
		// Others that are not listed have been removed.
		if kept != nil && (kept.Excluded || provisioners[uuid]) {
			if err := visit(kept); err != nil {
				return err
			}
		}
	}
	return nil
}

// self is the bridge's own node.
func (n *Network) self() cdb.Node {
	ttl := uint8(n.Node.DefaultTTL)
	out := cdb.Node{
		UUID: n.Node.UUID, Name: n.Name, Address: n.Node.Address, DeviceKey: key(n.Node.DeviceKey),
		Security: cdb.Secure, ConfigComplete: true, NetworkBeacon: &n.Node.Beacon, DefaultTTL: &ttl,
		Features: &cdb.Features{Relay: feature(n.Node.Relay), Proxy: feature(n.Node.Proxy), Friend: feature(n.Node.Friend)},
	}
	n.ownKeys(&out)
	for i, e := range n.Node.Elements {
		element := cdb.Element{Index: uint8(i), Location: e.Location}
		for _, m := range e.Models {
			element.Models = append(element.Models, cdb.Model{ID: m.ID, Bind: slices.Clone(m.Bindings)})
		}
		out.Elements = append(out.Elements, element)
	}
	return out
}

func feature(f state.Feature) *uint8 {
	v := uint8(f)
	return &v
}

// key returns a copy, and nil for a zero key, which means that the key is not known.
func key(k crypto.Key) *crypto.Key {
	if k.IsZero() {
		return nil
	}
	return &k
}

// ownKeys adds all keys of the bridge to its own node.
func (n *Network) ownKeys(out *cdb.Node) {
	for i := range n.Node.Subnets {
		n.addNetKey(out, n.Node.Subnets[i].Index)
	}
	for i := range n.Node.AppKeys {
		n.addAppKey(out, n.Node.AppKeys[i].Index)
	}
}

// keysOf adds the keys of a record to those of a node.
func (n *Network) keysOf(out *cdb.Node, r *device.Record) {
	for _, index := range slices.Concat([]mesh.KeyIndex{r.NetKey}, r.NetKeys) {
		n.addNetKey(out, index)
	}
	for _, index := range slices.Concat([]mesh.KeyIndex{r.AppKey}, r.AppKeys) {
		n.addAppKey(out, index)
	}
}

// addNetKey adds a NetKey to a node, unless the network does not have it any more.
func (n *Network) addNetKey(out *cdb.Node, index mesh.KeyIndex) {
	if s := n.Node.Subnet(index); s != nil && !hasKey(out.NetKeys, index) {
		out.NetKeys = append(slices.Clone(out.NetKeys), cdb.NodeKey{Index: index, Updated: s.Phase != state.NormalOperation})
	}
}

// addAppKey adds an AppKey to a node, unless the network does not have it any more.
func (n *Network) addAppKey(out *cdb.Node, index mesh.KeyIndex) {
	if a := n.Node.AppKey(index); a != nil && !hasKey(out.AppKeys, index) {
		out.AppKeys = append(slices.Clone(out.AppKeys), cdb.NodeKey{Index: index, Updated: a.Updated})
	}
}

func hasKey(keys []cdb.NodeKey, index mesh.KeyIndex) bool {
	return slices.ContainsFunc(keys, func(k cdb.NodeKey) bool { return k.Index == index })
}

// node describes a device: as it was imported, with the changes that the bridge made.
func (n *Network) node(p state.Peer, r *device.Record, kept *cdb.Node) cdb.Node {
	out := cdb.Node{Security: cdb.Insecure}
	if kept != nil {
		out = *kept
	} else if r != nil {
		n.keysOf(&out, r)
	} else {
		n.addNetKey(&out, p.NetKey)
		if len(n.Node.AppKeys) > 0 {
			n.addAppKey(&out, n.Node.AppKeys[0].Index)
		}
	}
	out.UUID, out.Address, out.DeviceKey = p.UUID, p.Address, key(p.DeviceKey)
	if r == nil || r.Composition == nil {
		if len(out.Elements) == 0 {
			for i := range p.Elements {
				out.Elements = append(out.Elements, cdb.Element{Index: uint8(i)})
			}
		}
		return out
	}
	out.Name = r.Name
	c := r.Composition
	company, product, version, size := c.CompanyID, c.ProductID, c.VersionID, c.CRPL
	out.CompanyID, out.ProductID, out.VersionID, out.ReplaySize = &company, &product, &version, &size
	if out.Features == nil {
		out.Features = features(c.Features)
	}
	former := out.Elements
	out.Elements = nil
	for i, e := range c.Elements {
		element := cdb.Element{Index: uint8(i), Location: e.Location}
		for _, id := range e.Models {
			element.Models = append(element.Models, n.model(i, id, find(former, i, id), r))
		}
		if i < len(former) {
			element.Name = former[i].Name
		}
		out.Elements = append(out.Elements, element)
	}
	for i := len(c.Elements); i < p.Elements; i++ {
		out.Elements = append(out.Elements, cdb.Element{Index: uint8(i)}) // it may answer at these addresses
	}
	if r.Interview == device.Successful {
		out.ConfigComplete = true
		n.keysOf(&out, r)
	}
	return out
}

func find(elements []cdb.Element, i int, id mesh.ModelID) *cdb.Model {
	if i >= len(elements) {
		return nil
	}
	for m := range elements[i].Models {
		if elements[i].Models[m].ID == id {
			return &elements[i].Models[m]
		}
	}
	return nil
}

// model is a model of a device as the bridge configures it. The bridge does not change
// the publications of imported devices, so they are exported as they were imported.
func (n *Network) model(element int, id mesh.ModelID, former *cdb.Model, r *device.Record) cdb.Model {
	out := cdb.Model{ID: id}
	if former != nil {
		out = *former
	}
	ours := r.AppKey
	if r.Interview != device.Successful || n.Node.AppKey(ours) == nil {
		return out
	}
	intent := commission.IntentOf(r.Composition.Elements, element, id, commission.Publications(r.Publications))
	if r.TransferBound && commission.IsTransferModel(id) {
		intent.Bind = true
	}
	if intent.Bind && !slices.Contains(out.Bind, ours) {
		out.Bind = append(slices.Clone(out.Bind), ours)
	}
	if intent.Publish && out.Publish == nil && !r.Imported {
		out.Publish = publication(n.Node.Address, ours, intent.Parameters)
	}
	return out
}

func publication(to mesh.Address, app mesh.KeyIndex, p configuration.PublishParameters) *cdb.Publish {
	resolution := [4]uint32{100, 1000, 10000, 600000}
	const step, fewest = 50, 1
	return &cdb.Publish{
		To: cdb.Destination{Address: to}, Index: app, TTL: uint8(p.PublishTTL),
		Steps: p.PublishPeriod & 0x3F, Resolution: resolution[p.PublishPeriod>>6],
		Retransmit: cdb.Retransmit{Count: p.PublishRetransmit & 0x07, Interval: uint16(p.PublishRetransmit>>3+fewest) * step},
	}
}

func features(f configuration.Features) *cdb.Features {
	has := func(bit configuration.Features) *uint8 {
		v := uint8(state.Unsupported)
		if f&bit != 0 {
			v = uint8(state.Enabled)
		}
		return &v
	}
	return &cdb.Features{
		Relay: has(configuration.FeatureRelay), Proxy: has(configuration.FeatureProxy),
		Friend: has(configuration.FeatureFriend), LowPower: has(configuration.FeatureLowPower),
	}
}

// exclusions are the excluded addresses in the form of the database.
func exclusions(list []node.Exclusion) []cdb.Exclusion {
	all := make([]cdb.Exclusion, 0, len(list))
	for _, e := range list {
		out := cdb.Exclusion{IVIndex: e.IVIndex}
		for i := range e.Elements {
			out.Addresses = append(out.Addresses, e.Address+mesh.Address(i))
		}
		all = append(all, out)
	}
	return all
}

// merge joins two lists of exclusions.
func merge(a, b []cdb.Exclusion) []cdb.Exclusion {
	by := map[mesh.IVIndex][]mesh.Address{}
	for _, e := range append(slices.Clone(a), b...) {
		by[e.IVIndex] = append(by[e.IVIndex], e.Addresses...)
	}
	var all []cdb.Exclusion
	for _, iv := range slices.Sorted(maps.Keys(by)) {
		slices.Sort(by[iv])
		all = append(all, cdb.Exclusion{IVIndex: iv, Addresses: slices.Compact(by[iv])})
	}
	return all
}
