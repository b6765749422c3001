package transport

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"

// AcceptProxy reports whether an authentic proxy configuration message is newer
// than everything of its source, and notes it in the replay protection list
// (section 6.6). Such a message goes from one end of a connection to the other
// and has no layer above the network's that would do it.
func (l *Layer) AcceptProxy(p *network.PDU, out *Output) bool {
	a, ok := l.fresh(p)
	return ok && l.accept(&a, out)
}
