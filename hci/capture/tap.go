package capture

import (
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// tap is a transport whose packets are recorded.
type tap struct {
	transport.Transport
	recorder *Recorder
	adapter  uint16
	closing  sync.Once
}

// Tap records the traffic of t as that of the adapter with this number and
// name. An adapter that is opened again keeps its number. Numbers are below
// NoAdapter.
func (r *Recorder) Tap(t transport.Transport, adapter uint16, name string) transport.Transport {
	r.opened(adapter, name)
	return &tap{Transport: t, recorder: r, adapter: adapter}
}

// Read reads and records one packet.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Transport.Read(p)
	if err == nil {
		t.recorder.packet(t.adapter, p[:n], false)
	}
	return n, err
}

// Write records one packet and then writes it, in this order, so that no answer
// is recorded before its command. A packet that could not be written is in the
// capture as well.
func (t *tap) Write(p []byte) error {
	t.recorder.packet(t.adapter, p, true)
	return t.Transport.Write(p)
}

// Close closes the transport and records it.
func (t *tap) Close() error {
	err := t.Transport.Close()
	t.closing.Do(func() { t.recorder.leave(t.adapter) })
	return err
}

// packet records an H4 packet.
func (r *Recorder) packet(adapter uint16, p []byte, sent bool) {
	if len(p) == 0 {
		return
	}
	kind, ok := packetKind(packet.Type(p[0]), sent)
	if !ok {
		return // no transport accepts it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(kind, adapter, p[1:])
	if kind == Event {
		r.learn(adapter, p)
	}
}

// attached is what is known about an adapter, for the start of the next file.
type attached struct {
	name    string
	open    bool
	version packet.Version
	address packet.Address
}

// learn reads the address and the manufacturer of a controller from its
// answers. The caller holds the lock.
func (r *Recorder) learn(adapter uint16, p []byte) {
	if len(p) < 2 || packet.EventCode(p[1]) != packet.EventCommandComplete {
		return
	}
	event, err := packet.ParseEvent(p)
	if err != nil {
		return // recorded unchanged
	}
	done, err := event.CommandComplete()
	a := r.adapters[adapter]
	if err != nil || a == nil || len(done.Return) < 1 || packet.Status(done.Return[0]) != packet.StatusSuccess {
		return
	}
	switch done.Opcode {
	case packet.OpReadLocalVersion:
		if v, err := packet.ParseVersion(done.Return[1:]); err == nil {
			a.version = v
		}
	case packet.OpReadBDAddr:
		if address, err := packet.ParseBDAddr(done.Return[1:]); err == nil && address != a.address {
			a.address = address
			r.add(IndexInfo, adapter, a.info())
		}
	}
}

// newIndex is the data of a NewIndex: the type of the controller (0, primary),
// its bus (0, unknown), its address, and eight octets of name.
func (a *attached) newIndex(adapter uint16) []byte {
	const nameLen = 8
	name := a.name
	if len(name) >= nameLen {
		name = shortName(adapter)
	}
	data := append([]byte{0, 0}, a.address[:]...)
	return append(data, append([]byte(name), make([]byte, nameLen-len(name))...)...)
}

// info is the data of an IndexInfo.
func (a *attached) info() []byte {
	return append(a.address[:], byte(a.version.Manufacturer), byte(a.version.Manufacturer>>8))
}

func text(s string) []byte { return append([]byte(s), 0) }
