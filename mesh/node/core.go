package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Options says what a node is. All but Elements and Random may be zero.
type Options struct {
	// Elements with their models, the first being the primary element.
	Elements []access.Element
	// Random is a source of cryptographic randomness.
	Random io.Reader
	// Monitor makes the node report every access message it can read that is
	// addressed to it or to any group, and every unprovisioned device.
	Monitor bool
	// KeepComposition makes a node whose program has other elements or models
	// than it was provisioned with go on with those that it had, until a
	// Provisioner refreshes its composition or its address (section 3.11.8).
	KeepComposition bool
	// Resident makes the node stay in its network when a Configuration Client
	// sends it a Config Node Reset; it reports ResetRefused. Core.Reset works.
	Resident bool
	// Device is for a node that waits to be provisioned.
	Device DeviceOptions
	// CacheSize is the number of messages in the network message cache.
	CacheSize int
	// SAR is how segmented messages are sent; nil for the defaults of section
	// 4.2.48.
	SAR *transport.Transmitter
	// Addresses are those that this node gives out as a provisioner.
	Addresses AddressRange
	// ReplaySize is the number of sources in the replay protection list.
	ReplaySize int
	// Friend bounds the Friend feature, which the state of the node switches
	// on.
	Friend FriendOptions
	// LowPower makes the node a Low Power node; nil for a node that always
	// listens.
	LowPower *LowPowerOptions
	// Proxy is the node's part in the proxy protocol.
	Proxy ProxyOptions
}

// DeviceOptions says how an unprovisioned device shows itself.
type DeviceOptions struct {
	StaticOOB provision.AuthValue // nil for none
	OOBDevice
	OOB      beacon.OOB    // where the OOB data is to be found
	Interval time.Duration // between two beacons; one second if zero
	GATT     bool          // it can be provisioned over PB-GATT as well
}

func (d DeviceOptions) beaconInterval() time.Duration {
	if d.Interval > 0 {
		return d.Interval
	}
	return deviceBeaconInterval
}

// Core is one node without I/O, clock or goroutines. Each input (Receive,
// Tick, Request, Provision and the like) comes with its time; what is to be
// done because of it is taken with Take and carried out before the next input.
// A Core belongs to one goroutine.
type Core struct {
	options Options
	now     time.Time
	output  Output
	taken   bool

	state      *state.Node
	stateDirty bool
	sequence   sequencer
	iv         ivClock

	receiver  *network.Receiver
	opened    network.PDU
	bridged   []mesh.KeyIndex // subnets that a PDU is passed on to
	transport *transport.Layer
	lower     transport.Output
	received  []transport.AccessMessage
	done      []transport.Delivery
	payload   []byte
	incoming  access.Incoming // the message that models get
	subnets   []*subnet
	appKeys   []appKey
	heldKeys  []heldKey
	deviceKey *crypto.CCM

	instances []*instance
	byOpcode  map[mesh.Opcode][]*instance
	codec     access.Codec
	later     []delayed
	spoken    time.Time // when the radio will have sent what this node has said
	pace      bearer.Pace

	peers       []*peer // by address
	nextAddress mesh.Address
	exclusions  []Exclusion // by address

	requests    []*pending
	busy        map[mesh.Address]bool
	lastRequest RequestID

	friendship friendship
	heartbeats heartbeats

	provisioning     provision.Output
	held             []held
	remote           remoteState
	sessions         []*session
	device           *provision.Device
	nextDeviceBeacon time.Time
	heard            map[mesh.UUID]time.Time

	gatt links

	counters Counters
}

// Counters counts what the node dropped and did since it was made.
type Counters struct {
	Malformed      uint64 // PDUs of no known form
	ForeignBeacons uint64 // of other networks, or forged
	IVIgnored      uint64 // beacons with an IV index or a state that was not believed
	Unheard        uint64 // unprovisioned devices that were too many to remember
	Relayed        uint64
	Bridged        uint64 // passed on to another subnet
	Unsent         uint64 // messages that could not be sealed
	NoSequence     uint64 // messages not sent for want of sequence numbers
	Network        network.Counters
	Transport      transport.Counters
	Friend         friend.Counters
	GATT           GATTCounters
}

// New makes a node of what was saved, or of nothing: an unprovisioned device.
func New(now time.Time, o Options, s Saved) (*Core, error) {
	if len(o.Elements) == 0 || o.Random == nil {
		return nil, errors.New("node: a node needs an element and a source of randomness")
	}
	c := &Core{
		options:  o,
		now:      now,
		state:    s.Node,
		sequence: s.sequence,
		busy:     map[mesh.Address]bool{},
		heard:    map[mesh.UUID]time.Time{},
		pace:     bearer.UsualPace(),
	}
	if c.state == nil {
		return nil, errors.New("node: no state was given; make it with NewDevice or NewNetwork")
	}
	if c.sequence.limit == 0 {
		c.sequence.iv = c.ivState().TransmitIVIndex() // nothing has been sent yet
	}
	c.startIVClock(&s)
	c.buildReceiver()
	for _, p := range s.Peers {
		c.insertPeer(p)
	}
	c.exclusions = s.Exclusions
	c.startAddresses(s.nextAddress)
	if err := c.buildModels(); err != nil {
		return nil, fmt.Errorf("node: the stored state of a model cannot be restored: %w", err)
	}
	replay := s.Replay
	if !c.state.IsProvisioned() {
		replay = nil // of a network that the node has left
	}
	if err := c.buildTransport(replay); err != nil {
		return nil, err
	}
	c.startGATT()
	c.gatt.solicitor.sequence = s.solicitations
	c.derive()
	c.attachModels()
	if !c.state.IsProvisioned() {
		if err := c.startDevice(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// begin starts an input: what was taken is forgotten, time moves on.
func (c *Core) begin(now time.Time) {
	if c.taken {
		c.output.reset()
		c.taken = false
	}
	if now.After(c.now) {
		c.now = now
	}
}

// Take returns what is to be done because of the inputs since the last Take.
// It is valid until the next input.
func (c *Core) Take() *Output {
	c.begin(c.now)
	c.updateGATT()
	if c.stateDirty {
		c.stateDirty = false
		if data, err := c.state.Encode(); err == nil {
			c.output.Persist = append(c.output.Persist, store.Change{Table: TableNode, Key: keyState, Value: data})
		}
	}
	if c.sequence.dirty {
		c.sequence.dirty = false
		c.output.Persist = append(c.output.Persist, store.Change{Table: TableNode, Key: keySequence, Value: c.sequence.encode()})
	}
	c.keepIVClock()
	c.keepSolicitations()
	c.taken = true
	return &c.output
}

// Receive handles a PDU from the radio.
func (c *Core) Receive(now time.Time, in *bearer.Incoming) {
	c.begin(now)
	if !c.Awake(now) {
		return // the radio is off, or should be
	}
	switch in.Kind {
	case bearer.Message:
		c.receiveMessage(in)
	case bearer.Beacon:
		c.receiveBeacon(in)
	case bearer.Provisioning:
		c.receiveProvisioning(in.PDU())
	default:
		c.counters.Malformed++
	}
}

// NextDeadline is when Tick wants to be called; zero for never.
func (c *Core) NextDeadline() time.Time {
	next := c.transport.NextDeadline()
	next = earliest(next, c.requestDeadline())
	next = earliest(next, c.provisioningDeadline())
	next = earliest(next, c.beaconDeadline())
	next = earliest(next, c.ivDeadline())
	next = earliest(next, c.modelDeadline())
	next = earliest(next, c.friendshipDeadline())
	next = earliest(next, c.heartbeats.publication.NextDeadline())
	next = earliest(next, c.privateBeaconDeadline())
	next = earliest(next, c.gattDeadline())
	return earliest(next, c.delayedDeadline())
}

// Tick does what is due.
func (c *Core) Tick(now time.Time) {
	c.begin(now)
	if due(c.transport.NextDeadline(), now) {
		c.transport.Tick(now, &c.lower)
		c.collectTransport(0)
	}
	c.sendDelayed()
	c.tickRequests()
	c.tickProvisioning()
	c.wakeModels()
	c.collectTransport(0)
	c.tickIV()
	c.tickFriendship()
	c.tickHeartbeats()
	c.tickBeacons()
	c.tickPrivateBeacons()
	c.tickGATT()
}

// WithModel runs call in the context of one of the node's models, for what
// comes from outside the mesh: a button that is pressed, a sensor that is read.
// It reports false when the node has no such model.
func (c *Core) WithModel(now time.Time, element int, id mesh.ModelID, call func(access.Context)) bool {
	c.begin(now)
	i := c.instance(element, id)
	if i == nil {
		return false
	}
	c.run(i, call)
	c.collectTransport(0)
	return true
}

// State is the node's configuration. Who changes it calls Changed.
func (c *Core) State() *state.Node { return c.state }

// Changed makes the node act by its changed configuration and keep it.
func (c *Core) Changed() {
	c.begin(c.now)
	c.stateDirty = true
	c.derive()
}

// Reset takes the node out of its network (section 3.10.7). It becomes an
// unprovisioned device again.
func (c *Core) Reset() error {
	c.state.Reset()
	c.stateDirty = true
	c.iv = newIVClock(c.now, false)
	for _, p := range slices.Clone(c.requests) {
		c.finish(p, Response{}, ErrNotProvisioned)
	}
	c.later = nil
	c.leaveRemotely()
	// In another network other nodes have the same addresses and lower
	// sequence numbers.
	c.lower.Replay, c.output.Replay = c.lower.Replay[:0], c.output.Replay[:0]
	c.output.ForgetReplay = true
	c.subnets = nil
	c.leaveFriends()
	c.heartbeats = heartbeats{}
	c.buildReceiver()
	if err := c.buildTransport(nil); err != nil {
		return err
	}
	c.derive()
	c.report(Left{})
	return c.startDevice()
}

func (c *Core) buildReceiver() {
	c.receiver = network.NewReceiver(network.Config{IVIndex: c.state.IVIndex, Cache: c.options.CacheSize})
}

// Counters returns what was counted so far.
func (c *Core) Counters() Counters {
	n := c.counters
	n.Network = c.receiver.Counters()
	n.Transport = c.transport.Counters()
	n.Friend = c.friendship.counters()
	n.GATT = c.gattCounters()
	return n
}

// SequenceLeft is how many sequence numbers are left with this IV index.
func (c *Core) SequenceLeft() int {
	// The last reserve goes beyond what there is.
	return max(int(mesh.MaxSequenceNumber)+1-int(c.sequence.next), 0)
}

func (c *Core) report(e Event) { c.output.Report = append(c.output.Report, e) }

// jitter draws a random duration from low up to high.
func (c *Core) jitter(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	var b [8]byte
	if _, err := io.ReadFull(c.options.Random, b[:]); err != nil {
		return high
	}
	return low + time.Duration(binary.BigEndian.Uint64(b[:])>>1)%(high-low)
}
