package sim

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// order checks that for every receiver the messages of a source stay in order: it
// drops a number that is lower than one that it has accepted (section 3.9.8). A
// receiver gets what is for its node, and what is for groups.
type order struct {
	unicast map[way]number          // the last one for each node
	group   map[mesh.Address]number // the last one for groups, by source
	highest map[mesh.Address]number // by source
	// node is the primary address of the node with an element, nil for one
	// element each.
	node func(mesh.Address) mesh.Address
}

type way struct{ src, dst mesh.Address }

func newOrder() order {
	return order{unicast: map[way]number{}, group: map[mesh.Address]number{}, highest: map[mesh.Address]number{}}
}

func (n number) before(o number) bool { return n.iv < o.iv || n.iv == o.iv && n.seq < o.seq }

// sent notes a PDU, and returns one that was sent before it though it is higher, if
// there is a receiver for both.
func (o *order) sent(n number, dst mesh.Address) (last number, late bool) {
	if dst.IsUnicast() {
		if o.node != nil {
			dst = o.node(dst)
		}
		w := way{n.src, dst}
		last = o.group[n.src]
		if one := o.unicast[w]; last.before(one) {
			last = one
		}
		o.unicast[w] = n
	} else {
		last = o.highest[n.src]
		o.group[n.src] = n
	}
	if o.highest[n.src].before(n) {
		o.highest[n.src] = n
	}
	return last, n.before(last)
}
