package cdb

import (
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// checker collects contradictions.
type checker struct {
	*Database
	problems []Problem
	netKeys  map[mesh.KeyIndex]bool
	appKeys  map[mesh.KeyIndex]mesh.KeyIndex // with the NetKey that each is bound to
	elements map[mesh.Address]int32          // with the index of the node
	uuids    map[mesh.UUID]int32             // of nodes, with their index
	excluded []bool                          // by index of the node
}

// Check applies the rules that concern more than one field: everything that is
// referenced exists, nothing exists twice, and no addresses or ranges overlap.
// A partial database may reference what it does not contain.
func (d *Database) Check() []Problem {
	c := newChecker(d)
	for i := range d.Nodes {
		c.node(&d.Nodes[i])
	}
	return c.problems
}

// newChecker checks everything except the nodes.
func newChecker(d *Database) *checker {
	c := &checker{
		Database: d,
		netKeys:  map[mesh.KeyIndex]bool{},
		appKeys:  map[mesh.KeyIndex]mesh.KeyIndex{},
		elements: map[mesh.Address]int32{},
		uuids:    map[mesh.UUID]int32{},
	}
	c.keys()
	c.provisioners()
	c.groups()
	c.scenes()
	c.exclusions()
	return c
}

func (c *checker) complain(field, format string, values ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, Problem{Field: field, Text: fmt.Sprintf(format, values...)})
	}
}

func (c *checker) keys() {
	if len(c.NetKeys) == 0 {
		c.complain("netKeys", "expected at least one, got an empty list")
	}
	for i, k := range c.NetKeys {
		field := fmt.Sprintf("netKeys[%d]", i)
		if c.netKeys[k.Index] {
			c.complain(field+".index", "expected each index once, got %d again", k.Index)
		}
		c.netKeys[k.Index] = true
		if k.Phase != 0 && k.OldKey == nil {
			c.complain(field+".oldKey", "expected the old key in phase %d, got none", k.Phase)
		}
	}
	for i, k := range c.AppKeys {
		field := fmt.Sprintf("appKeys[%d]", i)
		if _, twice := c.appKeys[k.Index]; twice {
			c.complain(field+".index", "expected each index once, got %d again", k.Index)
		}
		c.appKeys[k.Index] = k.BoundNet
		if !c.netKeys[k.BoundNet] {
			c.complain(field+".boundNetKey", "expected the index of one of netKeys, got %d", k.BoundNet)
		}
	}
}

func (c *checker) provisioners() {
	if len(c.Provisioners) == 0 && !c.Partial {
		c.complain("provisioners", "expected at least one, got an empty list")
	}
	seen := map[mesh.UUID]bool{}
	type owned struct {
		AddressRange
		owner int
	}
	var taken []owned
	for i := range c.Provisioners {
		p := &c.Provisioners[i]
		field := fmt.Sprintf("provisioners[%d]", i)
		if seen[p.UUID] {
			c.complain(field+".UUID", "expected each UUID once, got %s again", dashed(p.UUID))
		}
		seen[p.UUID] = true
		check := func(name, kind string, ranges []AddressRange, fits func(mesh.Address) bool) {
			const most = 100
			if len(ranges) > most || len(taken) > 2*most*most {
				c.complain(field+"."+name, "expected at most %d ranges, got %d", most, len(ranges))
				return
			}
			for n, r := range ranges {
				at := fmt.Sprintf("%s.%s[%d]", field, name, n)
				if !fits(r.Low) || !fits(r.High) || r.Low > r.High {
					c.complain(at, "expected %s addresses, in ascending order, got %s to %s", kind, digits(r.Low), digits(r.High))
				}
				for _, t := range taken {
					if t.owner != i && t.Low <= r.High && r.Low <= t.High {
						c.complain(at, "expected ranges that do not overlap, %s to %s overlaps one of provisioners[%d]", digits(r.Low), digits(r.High), t.owner)
					}
				}
				taken = append(taken, owned{r, i})
			}
		}
		check("allocatedUnicastRange", "unicast", p.Unicast, mesh.Address.IsUnicast)
		check("allocatedGroupRange", "group", p.Group, mesh.Address.IsGroup)
		for n, r := range p.Scene {
			if r.First == 0 || r.First > r.Last {
				c.complain(fmt.Sprintf("%s.allocatedSceneRange[%d]", field, n), "expected scenes from 0001 in ascending order, got %s to %s",
					digits(r.First), digits(r.Last))
			}
		}
	}
}

// node checks the next node.
func (c *checker) node(n *Node) {
	i := int32(len(c.excluded))
	c.excluded = append(c.excluded, n.Excluded)
	field := fmt.Sprintf("nodes[%d]", i)
	if other, twice := c.uuids[n.UUID]; twice {
		c.complain(field+".UUID", "expected each UUID once, got that of nodes[%d]", other)
	}
	c.uuids[n.UUID] = i
	switch {
	case len(n.Elements) == 0:
		c.complain(field+".elements", "expected at least one, got an empty list")
	case !n.Address.IsUnicast() || int(n.Address)+len(n.Elements)-1 > int(mesh.LastUnicast):
		c.complain(field+".unicastAddress", "expected unicast addresses for %d elements, got %s", len(n.Elements), digits(n.Address))
	default:
		c.place(field, i, n)
	}
	if n.DeviceKey == nil && !c.Partial {
		c.complain(field+".deviceKey", "expected a key, got none; only a partial database may omit it")
	}
	if len(n.NetKeys) == 0 {
		c.complain(field+".netKeys", "expected at least one, got an empty list")
	}
	for j, k := range n.NetKeys {
		if !c.netKeys[k.Index] && !c.Partial {
			c.complain(fmt.Sprintf("%s.netKeys[%d].index", field, j), "expected the index of one of netKeys, got %d", k.Index)
		}
	}
	for j, k := range n.AppKeys {
		if _, ok := c.appKeys[k.Index]; !ok && !c.Partial {
			c.complain(fmt.Sprintf("%s.appKeys[%d].index", field, j), "expected the index of one of appKeys, got %d", k.Index)
		}
	}
	for j := range n.Elements {
		c.element(fmt.Sprintf("%s.elements[%d]", field, j), n, j)
	}
}

// place records the addresses of a node. The addresses of an excluded node may
// have been assigned to another one since.
func (c *checker) place(field string, i int32, n *Node) {
	for e := range n.Elements {
		a := n.Address + mesh.Address(e)
		other, taken := c.elements[a]
		if taken && other != i && !n.Excluded && !c.excluded[other] {
			c.complain(field+".unicastAddress", "expected addresses that no other node has, %s belongs to nodes[%d]", digits(a), other)
			return
		}
		c.elements[a] = i
	}
}

func (c *checker) element(field string, n *Node, j int) {
	e := &n.Elements[j]
	if int(e.Index) != j {
		c.complain(field+".index", "expected %d, got %d", j, e.Index)
	}
	seen := map[mesh.ModelID]bool{}
	for k := range e.Models {
		m := &e.Models[k]
		at := fmt.Sprintf("%s.models[%d]", field, k)
		if seen[m.ID] {
			c.complain(at+".modelId", "expected each model once, got %s again", modelText(m.ID))
		}
		seen[m.ID] = true
		for b, index := range m.Bind {
			if !slices.ContainsFunc(n.AppKeys, func(k NodeKey) bool { return k.Index == index }) && !c.Partial {
				c.complain(fmt.Sprintf("%s.bind[%d]", at, b), "expected the index of one of the node's appKeys, got %d", index)
			}
		}
	}
}

func (c *checker) groups() {
	known := map[Destination]int{}
	for _, g := range c.Groups {
		known[g.Where]++
	}
	for i, g := range c.Groups {
		field := fmt.Sprintf("groups[%d]", i)
		if !g.Where.Address.IsGroup() && !g.Where.Address.IsVirtual() {
			c.complain(field+".address", "expected a group address or a label, got %s", g.Where.text())
		}
		if known[g.Where] > 1 {
			c.complain(field+".address", "expected each address once, got %s again", g.Where.text())
		}
		switch {
		case g.Parent.Address == mesh.Unassigned:
		case g.Parent == g.Where:
			c.complain(field+".parentAddress", "expected another group, got the group itself")
		case known[g.Parent] == 0 && !c.Partial:
			c.complain(field+".parentAddress", "expected the address of one of groups, or 0000, got %s", g.Parent.text())
		}
	}
}

func (c *checker) scenes() {
	seen := map[uint16]bool{}
	for i, s := range c.Scenes {
		field := fmt.Sprintf("scenes[%d]", i)
		if s.Number == 0 || seen[s.Number] {
			c.complain(field+".number", "expected 0001 to FFFF, each once, got %s", digits(s.Number))
		}
		seen[s.Number] = true
	}
}

func (c *checker) exclusions() {
	seen := map[mesh.IVIndex]bool{}
	for i, e := range c.Exclusions {
		if seen[e.IVIndex] {
			c.complain(fmt.Sprintf("networkExclusions[%d].ivIndex", i), "expected each IV index once, got %d again", e.IVIndex)
		}
		seen[e.IVIndex] = true
	}
}
