package state

import "slices"

// Clone returns a deep copy of n.
func (n *Node) Clone() *Node {
	c := *n
	c.Subnets = slices.Clone(n.Subnets)
	c.AppKeys = slices.Clone(n.AppKeys)
	if n.SARTransmitter != nil {
		t := *n.SARTransmitter
		c.SARTransmitter = &t
	}
	if n.SARReceiver != nil {
		r := *n.SARReceiver
		c.SARReceiver = &r
	}
	c.Bridge.Table = slices.Clone(n.Bridge.Table)
	c.Directed = n.Directed.clone()
	c.Solicitations = slices.Clone(n.Solicitations)
	c.Elements = slices.Clone(n.Elements)
	for i := range c.Elements {
		e := &c.Elements[i]
		e.Models = slices.Clone(e.Models)
		for j := range e.Models {
			m := &e.Models[j]
			m.Bindings = slices.Clone(m.Bindings)
			m.Subscriptions = slices.Clone(m.Subscriptions)
			m.Labels = slices.Clone(m.Labels)
			m.Values = slices.Clone(m.Values)
		}
	}
	return &c
}

func (d *Directed) clone() *Directed {
	if d == nil {
		return nil
	}
	c := *d
	c.Subnets = slices.Clone(d.Subnets)
	for i := range c.Subnets {
		s := &c.Subnets[i]
		s.Paths = slices.Clone(s.Paths)
		for j := range s.Paths {
			p := &s.Paths[j]
			p.DependentOrigins = slices.Clone(p.DependentOrigins)
			p.DependentTargets = slices.Clone(p.DependentTargets)
		}
	}
	return &c
}
