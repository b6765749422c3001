package transport

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// AppKey is an application key ready for use. During a key refresh one index
// has two.
type AppKey struct {
	Index  mesh.KeyIndex
	AID    uint8 // 6 bits
	Cipher *crypto.CCM
}

// DeviceKey is a device key ready for use.
type DeviceKey struct {
	Owner  mesh.Address // primary element of the node that the key belongs to, never zero
	Cipher *crypto.CCM
}

// Keys finds keys for a Layer. The appending methods let a look-up return
// several keys without an allocation: the Layer passes its own memory.
type Keys interface {
	// AppendAppKeys appends the keys with this AID that are bound to a subnet.
	AppendAppKeys(dst []AppKey, net mesh.KeyIndex, aid uint8) []AppKey
	// AppendDeviceKeys appends the device keys that a message between these
	// addresses may be encrypted with: this node's own if dst is one of its
	// elements (from a Configuration Client), and that of the node which src
	// belongs to (an answer from its Configuration Server).
	AppendDeviceKeys(dst []DeviceKey, from, to mesh.Address) []DeviceKey
	// AppendLabels appends the labels with this virtual address that an element
	// of this node is subscribed to.
	AppendLabels(dst []mesh.UUID, virtual mesh.Address) []mesh.UUID
	// AppKey returns the key to send with, the new one from phase 2 of a key
	// refresh.
	AppKey(index mesh.KeyIndex) (AppKey, bool)
	// DeviceKey returns the device key of the node with this primary address.
	DeviceKey(owner mesh.Address) (DeviceKey, bool)
}

// Sequencer returns sequence numbers. Each is used only once with one IV index.
type Sequencer interface {
	Next() (mesh.SequenceNumber, mesh.IVIndex, error)
}

// Defaults of Config.
const (
	DefaultReassemblies = 64
	DefaultPerSource    = 4
	DefaultTransfers    = 4
	DefaultQueue        = 64
)

// Config configures a Layer. Zero fields get their default.
type Config struct {
	Keys      Keys
	Sequencer Sequencer
	// TTL is the node's Default TTL state (section 4.2.8), 0 or 2 to 127. Zero
	// is not replaced: it keeps messages from being relayed.
	TTL         mesh.TTL
	Transmitter *Transmitter // nil: DefaultTransmitter
	Receiver    *Receiver    // nil: DefaultReceiver

	// Reassemblies is how many segmented messages can be received at the same
	// time, including recently completed ones. Each takes about 500 octets.
	Reassemblies int
	// PerSource is how many of them one source may have.
	PerSource int
	// Transfers is how many segmented messages can be sent at the same time.
	// The radio carries little more than ten messages per second, so more would
	// not arrive sooner.
	Transfers int
	// Queue is how many segmented messages can be accepted and not done.
	Queue int
	// Sources is how many source addresses the replay list can hold. The
	// default is every unicast address; a source takes about 70 octets once it
	// is heard.
	Sources int
}

// Layer is the transport layer of one node. Create it with New.
type Layer struct {
	keys     Keys
	seq      Sequencer
	ttl      mesh.TTL
	tx       Transmitter
	airtime  time.Duration
	rx       Receiver
	counters Counters

	now          time.Time // of the PDU that is being received
	replay       replayList
	reassemblies reassemblies
	transfers    transfers

	// Memory for what does not outlive a call.
	payload    [maxUpper]byte
	sealed     [maxUnsegmentedAccess]byte
	head       [2 * segmentHead]byte
	appKeys    []AppKey
	deviceKeys []DeviceKey
	labels     []mesh.UUID

	rejected time.Time // when a message was last rejected because there was no room

	next  time.Time // earliest deadline, if known
	known bool
}

// New makes a Layer with all the memory it will ever use, except for the replay
// list, which grows with the number of sources up to its limit.
func New(cfg Config) *Layer {
	or := func(v, otherwise int) int {
		if v <= 0 {
			return otherwise
		}
		return v
	}
	l := &Layer{
		keys: cfg.Keys,
		seq:  cfg.Sequencer,
		ttl:  cfg.TTL,
		tx:   DefaultTransmitter(),
		rx:   DefaultReceiver(),
	}
	if cfg.Transmitter != nil {
		l.tx = *cfg.Transmitter
	}
	if cfg.Receiver != nil {
		l.rx = *cfg.Receiver
	}
	l.replay.init(or(cfg.Sources, int(mesh.LastUnicast)))
	l.reassemblies.init(or(cfg.Reassemblies, DefaultReassemblies), or(cfg.PerSource, DefaultPerSource))
	l.transfers.init(or(cfg.Queue, DefaultQueue), or(cfg.Transfers, DefaultTransfers))
	return l
}

// SetDefaultTTL changes the TTL of messages with the default TTL, and of
// acknowledgments.
func (l *Layer) SetDefaultTTL(ttl mesh.TTL) { l.ttl = ttl }

// SetTransmitter changes the SAR Transmitter state. Messages in transit
// continue with the new intervals and their old counts.
func (l *Layer) SetTransmitter(t Transmitter) { l.tx = t }

// SetAirtime sets how long the radio is busy with one PDU. Segments are not
// emitted faster than they can be sent, and the wait for an acknowledgment
// begins after the last one. Otherwise a slow radio would repeat segments that
// it has not sent yet.
func (l *Layer) SetAirtime(d time.Duration) { l.airtime = d }

// SetReceiver changes the SAR Receiver state.
func (l *Layer) SetReceiver(r Receiver) { l.rx = r }

// Transmitter returns the SAR Transmitter state.
func (l *Layer) Transmitter() Transmitter { return l.tx }

// Receiver returns the SAR Receiver state.
func (l *Layer) Receiver() Receiver { return l.rx }

// Counters returns the current counters.
func (l *Layer) Counters() Counters { return l.counters }

// Receive handles an authentic network PDU that is addressed to this node: to
// one of its elements, to a group or virtual address that one of them is
// subscribed to, or to a fixed group it belongs to. The node's own PDUs from
// relays must not be passed to it. p is not kept.
func (l *Layer) Receive(now time.Time, p *network.PDU, out *Output) {
	l.receive(now, p, purpose{}, out)
}

func (l *Layer) receive(now time.Time, p *network.PDU, w purpose, out *Output) {
	l.now = now
	switch {
	case len(p.Transport) == 0 || !p.Src.IsUnicast() || p.Dst == mesh.Unassigned:
		l.counters.Malformed++
	case p.Transport[0]&segmentedBit != 0:
		l.receiveSegment(now, p, w, out)
	case !p.CTL:
		l.receiveAccess(p, out)
	case p.Transport[0] == opcodeAck:
		l.receiveAck(now, p, out)
	default:
		l.receiveControl(p, out)
	}
}

// arrival is a message on its way up: its PDU, or its last segment.
type arrival struct {
	*network.PDU
	auth      seqAuth
	source    *replayState // nil: not heard yet
	segmented bool
}

// receiveAccess handles an unsegmented access message.
func (l *Layer) receiveAccess(p *network.PDU, out *Output) {
	upper := p.Transport[1:]
	if len(upper) < 1+shortMIC || len(upper) > maxUnsegmentedAccess {
		l.counters.Malformed++
		return
	}
	if a, ok := l.fresh(p, out); ok {
		l.openAccess(&a, p.Transport[0], false, upper, out)
	}
}

// receiveControl handles an unsegmented control message other than the
// Segment Acknowledgment.
func (l *Layer) receiveControl(p *network.PDU, out *Output) {
	params := p.Transport[1:]
	if len(params) > maxUnsegmentedControl {
		l.counters.Malformed++
		return
	}
	if a, ok := l.fresh(p, out); ok {
		l.deliverControl(&a, p.Transport[0], append(l.payload[:0], params...), out)
	}
}

// deliverControl reports a control message once its source is in the list.
func (l *Layer) deliverControl(a *arrival, opcode byte, params []byte, out *Output) {
	if !l.accept(a, out) {
		return
	}
	l.counters.Control++
	out.Control = append(out.Control, ControlMessage{
		Src: a.Src, Dst: a.Dst, NetKey: a.NetKey, TTL: a.TTL,
		IVIndex: a.auth.iv(), Seq: a.auth.seq(), Segmented: a.segmented,
		Opcode: opcode & opcodeMask, Params: params,
	})
}

// fresh reports whether an unsegmented message may be new, and counts it if it
// is not.
func (l *Layer) fresh(p *network.PDU, out *Output) (arrival, bool) {
	a := arrival{PDU: p, auth: seqAuthOf(p.IVIndex, p.Seq), source: l.replay.find(p.Src)}
	switch {
	case a.source != nil && a.auth < a.source.next:
		l.refuse(p.Src, a.source, a.auth, out)
	case a.source == nil && l.replay.full():
		l.counters.ReplayListFull++
	default:
		return a, true
	}
	return a, false
}

// accept updates the replay list for an authentic message. It returns false if
// the list has no room for its source.
func (l *Layer) accept(a *arrival, out *Output) bool {
	if a.source == nil {
		if a.source = l.replay.add(a.Src); a.source == nil {
			l.counters.ReplayListFull++
			return false
		}
	}
	if a.source.accept(a.auth, a.segmented) {
		if a.source.refused > 0 {
			a.source.heardAgain(a.Src, out)
		}
		out.Replay = append(out.Replay, ReplayEntry{Src: a.Src, IVIndex: a.auth.iv(), Seq: a.auth.seq()})
	}
	return true
}

// NextDeadline is when Tick has something to do, zero for never.
func (l *Layer) NextDeadline() time.Time {
	if !l.known {
		l.next = deadline.Earliest(l.reassemblies.deadline(), l.transfers.deadline())
		l.known = true
	}
	return l.next
}

// Tick does what is due. Calling it early or late does no harm.
func (l *Layer) Tick(now time.Time, out *Output) {
	if !deadline.Due(l.NextDeadline(), now) {
		return
	}
	l.known = false
	l.tickReassemblies(now, out)
	l.tickTransfers(now, out)
}
