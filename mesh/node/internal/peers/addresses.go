package peers

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// addresses is the range that this node gives out: that of the options, else
// that which it was given when it joined somebody else's network, else all.
func (p *Peers) addresses() part.AddressRange {
	switch {
	case p.options.Addresses != part.AddressRange{}:
		return p.options.Addresses
	case p.host.State().LastAddress != mesh.Unassigned:
		return part.AddressRange{First: p.host.State().Address, Last: p.host.State().LastAddress}
	default:
		return part.AddressRange{First: mesh.FirstUnicast, Last: mesh.LastUnicast}
	}
}

// holds reports whether a range has an address.
func holds(r part.AddressRange, a mesh.Address) bool { return a >= r.First && a <= r.Last }

// exclusionLasts is by how much the IV index has to rise.
const exclusionLasts = 2

func isOver(e part.Exclusion, current mesh.IVIndex) bool {
	return current > e.IVIndex && current-e.IVIndex >= exclusionLasts
}

func change(e part.Exclusion, keep bool) store.Change {
	change := store.Change{Table: ExclusionTable, Key: e.Address.String()}
	if keep {
		change.Value, _ = json.Marshal(e) // numbers can always be written
	}
	return change
}

// LoadExclusions reads what the store has of them.
func LoadExclusions(s store.Store) ([]part.Exclusion, error) {
	all, err := s.All(ExclusionTable)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	var list []part.Exclusion
	for key, data := range all {
		var e part.Exclusion
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, fmt.Errorf("node: the stored exclusion of %s cannot be read: %w", key, err)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b part.Exclusion) int { return int(a.Address) - int(b.Address) })
	return list, nil
}

// Exclusions lists the addresses that cannot be given out yet, by address.
func (p *Peers) Exclusions() []part.Exclusion { return slices.Clone(p.exclusions) }

// exclude excludes the addresses of a node that has left.
func (p *Peers) exclude(k *Peer) {
	e := part.Exclusion{IVIndex: p.host.State().IVIndex, Address: k.Address, Elements: k.Elements}
	p.exclusions = slices.DeleteFunc(p.exclusions, func(old part.Exclusion) bool { return old.Address == e.Address })
	p.exclusions = append(p.exclusions, e)
	slices.SortFunc(p.exclusions, func(a, b part.Exclusion) int { return int(a.Address) - int(b.Address) })
	p.host.Persist(change(e, true))
}

// readmit ends the exclusion of addresses that their node has again, because a
// refresh of its address has failed.
func (p *Peers) readmit(first mesh.Address) {
	p.exclusions = slices.DeleteFunc(p.exclusions, func(e part.Exclusion) bool {
		if e.Address == first {
			p.host.Persist(change(e, false))
		}
		return e.Address == first
	})
}

// IVIndexChanged implements ivupdate.Follower. It drops the exclusions that the
// present IV index has ended.
func (p *Peers) IVIndexChanged() {
	p.exclusions = slices.DeleteFunc(p.exclusions, func(e part.Exclusion) bool {
		over := isOver(e, p.host.State().IVIndex)
		if over {
			p.host.Persist(change(e, false))
		}
		return over
	})
}

func (p *Peers) pass(first mesh.Address, elements int) {
	if holds(p.addresses(), first) {
		p.nextAddress = max(p.nextAddress, first+mesh.Address(elements))
	}
}

// Reserve takes unicast addresses for a node of so many elements.
// Addresses go up, also across restarts; when they have come to the end of the
// range, those that have become free are taken.
func (p *Peers) Reserve(elements int) (mesh.Address, error) {
	r := p.addresses()
	if elements < 1 {
		return mesh.Unassigned, part.ErrNoAddresses
	}
	first := p.freeFrom(max(p.nextAddress, r.First), elements)
	if int(first)+elements-1 > int(r.Last) {
		first = p.freeFrom(r.First, elements)
	}
	if int(first)+elements-1 > int(r.Last) {
		return mesh.Unassigned, part.ErrNoAddresses
	}
	p.nextAddress = max(p.nextAddress, first+mesh.Address(elements))
	p.host.Save(p)
	return first, nil
}

// Spare takes an address that nobody has, to send from with the present IV index. It
// is excluded like that of a node that has left.
func (p *Peers) Spare() (mesh.Address, error) {
	address, err := p.Reserve(1)
	if err == nil {
		p.exclude(&Peer{Peer: state.Peer{Address: address, Elements: 1}})
	}
	return address, err
}

// Shrink gives the last addresses of a node back, and keeps so many. Others get them when
// all others have been given out: Reserve goes up.
func (p *Peers) Shrink(uuid mesh.UUID, elements int) error {
	i := slices.IndexFunc(p.all, func(k *Peer) bool { return k.UUID == uuid })
	switch {
	case i < 0:
		return fmt.Errorf("node: expected a node of this network, got %s", uuid)
	case elements < 1 || elements > p.all[i].Elements:
		return fmt.Errorf("node: expected 1 to %d elements, got %d", p.all[i].Elements, elements)
	}
	changed := p.all[i].Peer
	changed.Elements = elements
	data, err := changed.Encode()
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	p.all[i].Peer = changed
	p.host.Persist(store.Change{Table: Table, Key: uuid.String(), Value: data})
	return nil
}

// freeFrom finds so many addresses, from one on, that nobody has; they may lie
// beyond the last there is.
func (p *Peers) freeFrom(first mesh.Address, elements int) mesh.Address {
	for moved := true; moved && first <= mesh.LastUnicast; {
		moved = false
		pass := func(used mesh.Address, n int) {
			if first < used+mesh.Address(n) && used < first+mesh.Address(elements) {
				first = used + mesh.Address(n)
				moved = true
			}
		}
		pass(p.host.State().Address, p.options.Elements)
		for _, k := range p.all {
			pass(k.Address, k.Elements)
		}
		for _, e := range p.exclusions {
			pass(e.Address, e.Elements)
		}
		for _, r := range p.options.Reserved() {
			pass(r.First, r.Elements)
		}
	}
	return first
}
