package transport

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"

// AcceptProxy reports whether an authentic proxy configuration message is newer
// than everything from its source, and records it in the replay protection list
// (section 6.6). These messages are exchanged between the two ends of a
// connection and have no transport layer that would do it.
func (l *Layer) AcceptProxy(p *network.PDU, out *Output) bool {
	a, ok := l.fresh(p, out)
	return ok && l.accept(&a, out)
}

// IsNew reports whether a network PDU is newer than everything that was accepted from
// its source. It records nothing. Without it a PDU that somebody has recorded would
// show that its sender has the key.
func (l *Layer) IsNew(p *network.PDU) bool {
	source := l.replay.find(p.Src)
	return source == nil || seqAuthOf(p.IVIndex, p.Seq) >= source.next
}
