package sim

import (
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Audit decrypts everything on the air with the network's keys and records what
// must never happen.
type Audit struct {
	// PDUs is the number of network PDUs that were originated.
	PDUs int

	receiver *network.Receiver
	nets     []*network.Credentials
	apps     []*crypto.CCM
	sent     map[number]content
	order    order
	access   map[message]int // how often each access message was sent
	handed   map[delivery]int
	largest  int // largest number of items in one Output
	err      error
}

// number identifies a PDU: sequence number, source and IV index must be unique
// together.
type number struct {
	iv  mesh.IVIndex
	src mesh.Address
	seq mesh.SequenceNumber
}

// content is the content of a PDU without its TTL, which relays change.
type content struct {
	dst  mesh.Address
	ctl  bool
	size int
	pdu  [network.MaxAccessTransport]byte
}

// message is an access message without its sequence number.
type message struct {
	src, dst mesh.Address
	payload  string
}

// delivery is an access message that was passed to a model of a node.
type delivery struct {
	message
	to mesh.Address
}

// maxOutput is more than a node has to do at once: its queues limit what it can
// put into one Output.
const maxOutput = 512

// NewAudit makes an audit of a simulated network.
func NewAudit() *Audit {
	a := &Audit{
		// Every PDU is read once for each station that sends it, so the cache
		// must not suppress it.
		receiver: network.NewReceiver(network.Config{Cache: 1}),
		sent:     map[number]content{},
		order:    newOrder(),
		access:   map[message]int{},
		handed:   map[delivery]int{},
	}
	a.AddKeys(NetKey(), AppKey())
	return a
}

// AddKeys makes the audit decrypt what is sent with these keys too.
func (a *Audit) AddKeys(net, app crypto.Key) {
	a.nets = append(a.nets, network.Flooding(net))
	a.receiver.AddSubnet(mesh.PrimaryNetKey, a.nets...)
	a.apps = append(a.apps, crypto.NewCCM(app))
}

// open decrypts an access payload with any of the application keys.
func (a *Audit) open(nonce *crypto.Nonce, sealed []byte) ([]byte, bool) {
	for _, app := range a.apps {
		if payload, ok := app.Open(nil, nonce, sealed, nil, 4); ok {
			return payload, true
		}
	}
	return nil, false
}

// Err returns what was found, nil for nothing.
func (a *Audit) Err() error { return a.err }

func (a *Audit) fault(format string, args ...any) { a.note(fmt.Errorf(format, args...)) }

func (a *Audit) note(err error) {
	if err != nil {
		a.err = errors.Join(a.err, err)
	}
}

// SetIVIndex sets the IV index of the network.
func (a *Audit) SetIVIndex(iv mesh.IVIndex) { a.receiver.SetIVIndex(iv) }

// transmitted reads a PDU on its first transmission by a station.
func (a *Audit) transmitted(by mesh.Address, o *bearer.Outgoing) {
	if o.Kind == bearer.Message {
		a.Read(o.PDU(), by)
	}
}

// Read reads a network PDU that a node has begun to transmit. Repetitions of
// the same PDU are not passed to it.
func (a *Audit) Read(pdu []byte, by mesh.Address) {
	var p network.PDU
	if v := a.receiver.Open(pdu, &p); v != network.Fresh {
		a.fault("%s sent a PDU that cannot be decrypted: %s", by, v)
		return
	}
	a.receiver.Forget(p.Src)
	n := number{p.IVIndex, p.Src, p.Seq}
	c := content{dst: p.Dst, ctl: p.CTL, size: len(p.Transport)}
	copy(c.pdu[:], p.Transport)
	known, seen := a.sent[n]
	switch {
	case p.Src != by && !seen:
		a.fault("%s relayed what %s never sent: %+v", by, p.Src, n)
	case p.Src != by && known != c:
		a.fault("%s changed what %s sent: %+v", by, p.Src, n)
	case p.Src != by:
	case seen:
		a.fault("%s used a sequence number twice: %+v", by, n)
	default:
		a.originated(n, c, p.Transport)
	}
}

func (a *Audit) originated(n number, c content, pdu []byte) {
	a.PDUs++
	if last, late := a.order.sent(n, c.dst); late {
		a.fault("%s sent %#x with IV index %d to %s after %#x with %d, which somebody may have received already",
			n.src, uint32(n.seq), n.iv, c.dst, uint32(last.seq), last.iv)
	}
	a.sent[n] = c
	const segmented, application = 0x80, 0x40
	if c.ctl || pdu[0]&segmented != 0 || pdu[0]&application == 0 {
		return
	}
	nonce := crypto.ApplicationNonce(false, n.seq, n.src, c.dst, n.iv)
	payload, ok := a.open(&nonce, pdu[1:])
	if !ok {
		a.fault("%s sent an access message that cannot be decrypted: %+v", n.src, n)
		return
	}
	a.access[message{n.src, c.dst, string(payload)}]++
}

// delivered notes that a model of a node received a message.
func (a *Audit) delivered(to mesh.Address, in *access.Incoming) {
	payload, err := access.AppendOpcode(nil, in.Opcode)
	if err != nil {
		a.note(err)
		return
	}
	payload = append(payload, in.Params...)
	if len(payload) > transport.MaxUnsegmentedPayload {
		return // it was not read on the air
	}
	d := delivery{message{in.Src, in.Dst, string(payload)}, to}
	a.handed[d]++
	if sent := a.access[d.message]; a.handed[d] > sent {
		a.fault("%s sent this message to %s %d times, a model of %s received it again: % x", in.Src, in.Dst, sent, to, payload)
	}
}

// output notes how much a node wants done at once.
func (a *Audit) output(out *node.Output) {
	n := len(out.Persist) + len(out.Replay) + len(out.Send) + len(out.Report)
	if n > maxOutput {
		a.fault("an output of %d items", n)
	}
	a.largest = max(a.largest, n)
}
