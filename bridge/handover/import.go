package handover

import (
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

	source Source
}

// Source is a database whose nodes are read one by one; *cdb.File is one. The
// nodes can be read repeatedly.
type Source interface {
	// Head is the database without its nodes.
	Head() *cdb.Database
	// Nodes calls visit with each node.
	Nodes(visit func(*cdb.Node) error) error
}

// whole is a Source in memory.
type whole struct{ d *cdb.Database }

func (w whole) Head() *cdb.Database {
	head := *w.d
	head.Nodes = nil
	return &head
}

func (w whole) Nodes(visit func(*cdb.Node) error) error {
	for i := range w.d.Nodes {
		if err := visit(&w.d.Nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// Read makes the bridge a member of the network of a database.
func Read(d *cdb.Database, o Options) (*Import, error) { return ReadFrom(whole{d}, o) }

// ReadFrom is Read for a large database. It reads the nodes once, and Store reads
// them again.
func ReadFrom(from Source, o Options) (*Import, error) {
	in := &Import{source: from}
	d := from.Head()
	all, err := in.survey(d, o.Now)
	if err != nil {
		return nil, err
	}
	if in.Range, err = choose(all.taken, o.Address); err != nil {
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
	if m.AppKeys, err = in.appKeys(d, all.votes, o.Random); err != nil {
		return nil, err
	}
	m.Peers = all.peers
	for i, r := range in.Records {
		// Until the interview adds the bridge's AppKey, messages to the device use
		// a key that it has.
		r.AppKey = in.AppKey
		if keys := all.appKeys[i]; len(keys) > 0 && !hasKey(keys, in.AppKey) {
			r.AppKey = keys[0].Index
		}
	}
	in.Saved, err = node.NewMember(m, o.Random)
	return in, err
}

// surveyed is what the nodes of a database have in common.
type surveyed struct {
	taken   []cdb.AddressRange    // addresses that are not free
	votes   map[mesh.KeyIndex]int // models that are bound to each AppKey
	peers   []state.Peer
	appKeys [][]cdb.NodeKey // of each peer
}

// survey reads the nodes, and makes a record of each device.
func (in *Import) survey(d *cdb.Database, now time.Time) (surveyed, error) {
	all := surveyed{taken: taken(d), votes: map[mesh.KeyIndex]int{}}
	provisioners := provisionersOf(d)
	var taken names.Set // of folded names
	err := in.source.Nodes(func(n *cdb.Node) error {
		all.taken = append(all.taken, cdb.AddressRange{Low: n.Address, High: n.Address + mesh.Address(len(n.Elements)-1)})
		for _, e := range n.Elements {
			for _, m := range e.Models {
				for _, index := range m.Bind {
					all.votes[index]++
				}
			}
		}
		switch {
		case provisioners[n.UUID]: // a phone or another gateway: nothing to control
		case n.Excluded:
			in.note("%s at %s is excluded from the network and was left out", nodeName(n), n.Address)
		default:
			all.peers = append(all.peers, peer(n))
			all.appKeys = append(all.appKeys, n.AppKeys)
			in.Records = append(in.Records, in.record(n, &taken, now))
		}
		return nil
	})
	return all, err
}

func provisionersOf(d *cdb.Database) map[mesh.UUID]bool {
	all := map[mesh.UUID]bool{}
	for _, p := range d.Provisioners {
		all[p.UUID] = true
	}
	return all
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
func (in *Import) appKeys(d *cdb.Database, votes map[mesh.KeyIndex]int, random io.Reader) ([]state.AppKey, error) {
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
