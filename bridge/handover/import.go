package handover

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/names"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Options say how the bridge joins the network.
type Options struct {
	// Address is the bridge's own; unassigned for the first of a free range.
	Address mesh.Address
	// IVIndex is nil when it is not known: the bridge then learns it from a beacon.
	IVIndex *mesh.IVIndex
	// Elements are those of the bridge's node.
	Elements []access.Element
	Now      time.Time
	Random   io.Reader
}

// Import is a network that was read, in the form in which the bridge stores it.
type Import struct {
	Saved   node.Saved
	Records []*device.Record
	Range   cdb.AddressRange // the bridge's own
	AppKey  mesh.KeyIndex    // of the bridge's messages
	// Notes says for the user what was left out, and why.
	Notes []string

	kept []store.Change
}

// Read makes the bridge a member of the network of a database.
func Read(d *cdb.Database, o Options) (*Import, error) {
	in := &Import{}
	var err error
	if in.Range, err = choose(d, o.Address); err != nil {
		return nil, err
	}
	m := node.Member{
		Elements: o.Elements,
		Address:  in.Range.Low, First: in.Range.Low + 1, Last: in.Range.High,
		IVIndex: o.IVIndex,
	}
	for _, k := range d.NetKeys {
		m.Subnets = append(m.Subnets, subnet(k))
	}
	if m.AppKeys, err = in.appKeys(d, o.Random); err != nil {
		return nil, err
	}
	provisioners := map[mesh.UUID]bool{}
	for _, p := range d.Provisioners {
		provisioners[p.UUID] = true
	}
	var taken names.Set // of folded names
	for i := range d.Nodes {
		n := &d.Nodes[i]
		switch {
		case provisioners[n.UUID]:
			continue // a phone or another gateway: nothing to control
		case n.Excluded:
			in.note("%s at %s is excluded from the network and was left out", nodeName(n), n.Address)
			continue
		}
		m.Peers = append(m.Peers, peer(n))
		in.Records = append(in.Records, in.record(n, &taken, o.Now))
	}
	if in.Saved, err = node.NewMember(m, o.Random); err != nil {
		return nil, err
	}
	return in, in.keep(d)
}

func (in *Import) note(format string, values ...any) {
	in.Notes = append(in.Notes, fmt.Sprintf(format, values...))
}

// subnet is the key as the node keeps it: the old one first.
func subnet(k cdb.NetKey) state.Subnet {
	s := state.Subnet{Index: k.Index, Key: k.Key}
	if k.Phase != 0 && k.OldKey != nil {
		s.Phase, s.Key, s.NewKey = state.Phase(k.Phase), *k.OldKey, k.Key
	}
	return s
}

// appKeys lists the AppKeys. The first one is the one that the bridge will use: the one
// that most models are bound to. A network without an AppKey gets one.
func (in *Import) appKeys(d *cdb.Database, random io.Reader) ([]state.AppKey, error) {
	votes := map[mesh.KeyIndex]int{}
	for i := range d.Nodes {
		for _, e := range d.Nodes[i].Elements {
			for _, m := range e.Models {
				for _, index := range m.Bind {
					votes[index]++
				}
			}
		}
	}
	refreshed := map[mesh.KeyIndex]bool{}
	for _, k := range d.NetKeys {
		refreshed[k.Index] = k.Phase != 0
	}
	keys := make([]state.AppKey, 0, len(d.AppKeys))
	for _, k := range d.AppKeys {
		key := state.AppKey{Index: k.Index, NetKey: k.BoundNet, Key: k.Key}
		if k.OldKey != nil && refreshed[k.BoundNet] {
			key.Updated, key.Key, key.NewKey = true, *k.OldKey, k.Key
		}
		keys = append(keys, key)
	}
	slices.SortStableFunc(keys, func(a, b state.AppKey) int {
		if a.NetKey != b.NetKey && (a.NetKey == mesh.PrimaryNetKey || b.NetKey == mesh.PrimaryNetKey) {
			return int(a.NetKey) - int(b.NetKey)
		}
		if votes[a.Index] != votes[b.Index] {
			return votes[b.Index] - votes[a.Index]
		}
		return int(a.Index) - int(b.Index)
	})
	if len(keys) == 0 {
		key, err := crypto.NewKey(random)
		if err != nil {
			return nil, fmt.Errorf("handover: no randomness for an AppKey: %w", err)
		}
		keys = []state.AppKey{{Index: 0, NetKey: d.NetKeys[0].Index, Key: key}}
		in.note("the network had no AppKey; it gets one with index 0, which the devices are given when they are interviewed")
	}
	in.AppKey = keys[0].Index
	return keys, nil
}

func peer(n *cdb.Node) state.Peer {
	p := state.Peer{UUID: n.UUID, Address: n.Address, Elements: len(n.Elements), NetKey: n.NetKeys[0].Index}
	for _, k := range n.NetKeys {
		if k.Index == mesh.PrimaryNetKey {
			p.NetKey = k.Index
		}
	}
	if n.DeviceKey != nil {
		p.DeviceKey = *n.DeviceKey
	}
	return p
}

func nodeName(n *cdb.Node) string {
	if n.Name != "" {
		return fmt.Sprintf("%q", n.Name)
	}
	return n.UUID.String()
}

// record makes a device of a node. The composition in the file is enough to control it;
// the interview completes it.
func (in *Import) record(n *cdb.Node, taken *names.Set, now time.Time) *device.Record {
	r := &device.Record{
		UUID:      n.UUID,
		Address:   n.Address,
		Count:     len(n.Elements),
		Name:      freeName(n, taken),
		Interview: device.Pending,
		Imported:  true,
		Joined:    now.UTC().Truncate(time.Second),
		NetKey:    peer(n).NetKey,
		AppKey:    in.AppKey,
	}
	// Until the interview adds the bridge's AppKey, messages to the device use a key
	// that it has.
	if has := func(k cdb.NodeKey) bool { return k.Index == in.AppKey }; len(n.AppKeys) > 0 && !slices.ContainsFunc(n.AppKeys, has) {
		r.AppKey = n.AppKeys[0].Index
	}
	if r.Name != n.Name && n.Name != "" {
		in.note("%q is not valid as a name in a topic, or its topics would be those of another device; the device is called %s", n.Name, r.Name)
	}
	c := composition(n)
	for _, e := range c.Elements {
		if len(e.Models) > 0 {
			r.Composition = c
		}
	}
	if n.DeviceKey == nil {
		// Without the key it can be neither interviewed nor configured.
		r.Interview = device.Failed
		if r.Composition != nil {
			r.Interview = device.Successful
		}
		in.note("%s comes without its device key: it can be controlled, but neither configured nor removed", r.Name)
	}
	return r
}

// freeName is the name of the node if it is valid in a topic and not taken, or one that
// is similar, or else one made of the UUID. Of two names whose topics meet, that of the
// node which comes first in the file stays.
func freeName(n *cdb.Node, taken *names.Set) string {
	free := func(name string) bool { return topic.CheckName(name) == nil && !taken.Meets(topic.Fold(name)) }
	name := names.Similar(n.Name, free)
	text := n.UUID.String()
	for i := 2; name == "" || !free(name); i++ {
		name = "device_" + text[len(text)-min(6+i, len(text)):]
		if over := 6 + i - len(text); over > 0 {
			name += fmt.Sprintf("_%d", over) // another node has this name
		}
	}
	taken.Add(topic.Fold(name))
	return name
}

func composition(n *cdb.Node) *configuration.Composition {
	c := &configuration.Composition{}
	if n.CompanyID != nil {
		c.CompanyID = *n.CompanyID
	}
	for from, to := range map[*uint16]*uint16{n.ProductID: &c.ProductID, n.VersionID: &c.VersionID, n.ReplaySize: &c.CRPL} {
		if from != nil {
			*to = *from
		}
	}
	if f := n.Features; f != nil {
		has := func(v *uint8, bit configuration.Features) {
			if v != nil && *v != 2 {
				c.Features |= bit
			}
		}
		has(f.Relay, configuration.FeatureRelay)
		has(f.Proxy, configuration.FeatureProxy)
		has(f.Friend, configuration.FeatureFriend)
		has(f.LowPower, configuration.FeatureLowPower)
	}
	for _, e := range n.Elements {
		element := configuration.CompositionElement{Location: e.Location}
		for _, m := range e.Models {
			element.Models = append(element.Models, m.ID)
		}
		c.Elements = append(c.Elements, element)
	}
	return c
}

// Table stores what was in a database and the bridge does not use: one entry for the
// network under keyNetwork, and one for each node under its UUID.
const Table store.Table = "cdb"

const keyNetwork = "network"

// keep splits the database for the store, which limits the size of a value.
func (in *Import) keep(d *cdb.Database) error {
	head := *d
	head.Nodes = nil
	data, err := head.JSON()
	if err != nil {
		return err
	}
	in.kept = append(in.kept, store.Change{Table: Table, Key: keyNetwork, Value: data})
	for i := range d.Nodes {
		data, err := d.Nodes[i].JSON()
		if err != nil {
			return err
		}
		in.kept = append(in.kept, store.Change{Table: Table, Key: d.Nodes[i].UUID.String(), Value: data})
	}
	return nil
}

// ErrNotEmpty is returned by Store when the store has a network.
var ErrNotEmpty = errors.New("handover: the store holds a network already; import into another --store.dir, or move this one away")

// Store puts the network into an empty store, all at once.
func (in *Import) Store(s store.Store) error {
	old, err := node.Load(s)
	if err != nil {
		return err
	}
	if old.Node != nil {
		return ErrNotEmpty
	}
	changes, err := in.Saved.Changes()
	if err != nil {
		return err
	}
	for _, r := range in.Records {
		c, err := r.Change()
		if err != nil {
			return err
		}
		changes = append(changes, c)
	}
	if err := s.Apply(append(changes, in.kept...)...); err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	return nil
}
