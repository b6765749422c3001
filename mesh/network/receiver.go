package network

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Verdict is what came of a received PDU.
type Verdict uint8

// The verdicts.
const (
	Fresh     Verdict = iota // authentic and not seen before: out is filled
	Duplicate                // a copy of an authentic PDU seen before
	NotOurs                  // no subnet has this NID
	BadMIC                   // the NID is ours, but no key opens it: forged, damaged or another network
	Malformed                // too short, too long, or authentic with addresses that may not be
	verdicts
)

// String names the verdict.
func (v Verdict) String() string { panic("TODO") }

// DefaultCache is the number of messages a Receiver remembers unless told
// otherwise.
const DefaultCache = 4096

// Config sets up a Receiver.
type Config struct {
	IVIndex mesh.IVIndex
	// Cache is the number of messages to remember, rounded up to a power of
	// two, 64 at least; 0 means DefaultCache. A message takes 16 octets.
	Cache int
}

// Counters count verdicts since the Receiver was made.
type Counters struct {
	Fresh, Duplicate, NotOurs, BadMIC, Malformed uint64
}

// Receiver opens the network PDUs of all subnets of one node (section 3.4.6.3)
// and keeps the network message cache (section 3.4.6.5). It belongs to one
// goroutine, the one that owns the credentials.
type Receiver struct{}

// NewReceiver makes a Receiver without subnets. All its memory is allocated
// here and in AddSubnet.
func NewReceiver(cfg Config) *Receiver { panic("TODO") }

// AddSubnet sets the credentials that belong to a NetKey index, in place of
// those it had: one, two during a key refresh (old and new), and more for
// friendships. Several subnets may have the same NID.
func (r *Receiver) AddSubnet(index mesh.KeyIndex, credentials ...*Credentials) { panic("TODO") }

// RemoveSubnet forgets the credentials of a NetKey index.
func (r *Receiver) RemoveSubnet(index mesh.KeyIndex) { panic("TODO") }

// SetIVIndex says which IV index PDUs are received with: this one and the one
// before it (section 3.11.5). It is the current IV index of the network in
// both states of the IV update procedure.
func (r *Receiver) SetIVIndex(iv mesh.IVIndex) { panic("TODO") }

// Remember puts a message that this node sent into the cache, so that its
// copies coming back from relays are dropped as Duplicate after one AES block.
func (r *Receiver) Remember(index mesh.KeyIndex, p *PDU) { panic("TODO") }

// Counters returns what was counted so far.
func (r *Receiver) Counters() Counters { panic("TODO") }

// Open reads one network PDU from the air. For Fresh it fills out, whose
// Transport is valid until the next call; for any other verdict out is left in
// an unspecified state. It does not allocate and does not change pdu.
func (r *Receiver) Open(pdu []byte, out *PDU) Verdict { panic("TODO") }
