package node

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// AddressRange is the unicast addresses that a provisioner gives out: those from
// First to Last. The zero value is all of them.
type AddressRange struct{ First, Last mesh.Address }

// addresses is the range that this node gives out: that of the options, else
// that which it was given when it joined somebody else's network, else all.
func (c *Core) addresses() AddressRange {
	switch {
	case c.options.Addresses != AddressRange{}:
		return c.options.Addresses
	case c.state.LastAddress != mesh.Unassigned:
		return AddressRange{c.state.Address, c.state.LastAddress}
	default:
		return AddressRange{mesh.FirstUnicast, mesh.LastUnicast}
	}
}

func (r AddressRange) holds(a mesh.Address) bool { return a >= r.First && a <= r.Last }

// Exclusion is the unicast addresses of a node that has left the network. They
// may be given out again when the IV index has become two higher than it was
// then: before that the others would take a new node there for a replay of the
// old one (section 3.9.8). The Mesh Configuration Database has them as
// networkExclusions.
type Exclusion struct {
	IVIndex  mesh.IVIndex
	Address  mesh.Address // the first
	Elements int
}

// exclusionLasts is by how much the IV index has to rise.
const exclusionLasts = 2

func (e Exclusion) isOver(current mesh.IVIndex) bool {
	return current > e.IVIndex && current-e.IVIndex >= exclusionLasts
}

func (e Exclusion) change(keep bool) store.Change {
	change := store.Change{Table: TableExclusions, Key: e.Address.String()}
	if keep {
		change.Value, _ = json.Marshal(e) // numbers can always be written
	}
	return change
}

func loadExclusions(s store.Store) ([]Exclusion, error) {
	all, err := s.All(TableExclusions)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	var list []Exclusion
	for key, data := range all {
		var e Exclusion
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, fmt.Errorf("node: the stored exclusion of %s cannot be read: %w", key, err)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Exclusion) int { return int(a.Address) - int(b.Address) })
	return list, nil
}

// Exclusions lists the addresses that cannot be given out yet, by address.
func (c *Core) Exclusions() []Exclusion { return slices.Clone(c.exclusions) }

// exclude notes the addresses of a node that has left.
func (c *Core) exclude(p *peer) {
	e := Exclusion{IVIndex: c.state.IVIndex, Address: p.Address, Elements: p.Elements}
	c.exclusions = slices.DeleteFunc(c.exclusions, func(old Exclusion) bool { return old.Address == e.Address })
	c.exclusions = append(c.exclusions, e)
	slices.SortFunc(c.exclusions, func(a, b Exclusion) int { return int(a.Address) - int(b.Address) })
	c.output.Persist = append(c.output.Persist, e.change(true))
}

// readmit takes addresses off the list whose node has them again: a refresh of its
// address has not come to pass.
func (c *Core) readmit(first mesh.Address) {
	c.exclusions = slices.DeleteFunc(c.exclusions, func(e Exclusion) bool {
		if e.Address == first {
			c.output.Persist = append(c.output.Persist, e.change(false))
		}
		return e.Address == first
	})
}

// endExclusions drops what the present IV index has made old.
func (c *Core) endExclusions() {
	c.exclusions = slices.DeleteFunc(c.exclusions, func(e Exclusion) bool {
		over := e.isOver(c.state.IVIndex)
		if over {
			c.output.Persist = append(c.output.Persist, e.change(false))
		}
		return over
	})
}

// startAddresses sets where to go on with giving out addresses: behind all that
// are known to be in use.
func (c *Core) startAddresses(stored mesh.Address) {
	c.nextAddress = max(stored, c.addresses().First)
	c.passAddress(c.state.Address, len(c.options.Elements))
	for _, p := range c.peers {
		c.passAddress(p.Address, p.Elements)
	}
}

func (c *Core) passAddress(first mesh.Address, elements int) {
	if c.addresses().holds(first) {
		c.nextAddress = max(c.nextAddress, first+mesh.Address(elements))
	}
}

// reserveAddresses takes unicast addresses for a node of so many elements.
// Addresses go up, also across restarts; when they have come to the end of the
// range, those that have become free are taken.
func (c *Core) reserveAddresses(elements int) (mesh.Address, error) {
	r := c.addresses()
	if elements < 1 {
		return mesh.Unassigned, ErrNoAddresses
	}
	first := c.freeFrom(max(c.nextAddress, r.First), elements)
	if int(first)+elements-1 > int(r.Last) {
		first = c.freeFrom(r.First, elements)
	}
	if int(first)+elements-1 > int(r.Last) {
		return mesh.Unassigned, ErrNoAddresses
	}
	c.nextAddress = max(c.nextAddress, first+mesh.Address(elements))
	c.output.Persist = append(c.output.Persist, store.Change{
		Table: TableNode, Key: keyNextAddress, Value: binary.BigEndian.AppendUint16(nil, uint16(c.nextAddress)),
	})
	return first, nil
}

// freeFrom finds so many addresses, from one on, that nobody has; they may lie
// beyond the last there is.
func (c *Core) freeFrom(first mesh.Address, elements int) mesh.Address {
	for moved := true; moved && first <= mesh.LastUnicast; {
		moved = false
		pass := func(used mesh.Address, n int) {
			if first < used+mesh.Address(n) && used < first+mesh.Address(elements) {
				first = used + mesh.Address(n)
				moved = true
			}
		}
		pass(c.state.Address, len(c.options.Elements))
		for _, p := range c.peers {
			pass(p.Address, p.Elements)
		}
		for _, e := range c.exclusions {
			pass(e.Address, e.Elements)
		}
		for _, s := range c.sessions {
			if s.address != mesh.Unassigned {
				pass(s.address, s.elements)
			}
		}
	}
	return first
}
