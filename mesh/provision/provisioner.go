package provision

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// ProvisionerOptions is what a session of the provisioner needs from the
// start. What depends on the device comes with Accept.
type ProvisionerOptions struct {
	UUID      mesh.UUID
	Attention uint8           // seconds that the device shall attract attention for, 0 for none
	Random    io.Reader       // cryptographic randomness
	Transmit  bearer.Transmit // of each PDU; DefaultTransmit if zero
}

// Acceptance is the decision to take a device in, after its capabilities are
// known. The network comes this late so that its IV index and flags are
// current.
type Acceptance struct {
	Network    Network
	Address    mesh.Address // of the first element; the others follow
	Auth       Auth
	Algorithms Algorithms // allowed ones, all if zero
}

// Provisioner is one session with one device. When it ended, well or not, it
// still repeats the Link Close for a moment; Done tells when to drop it.
type Provisioner struct{}

// NewProvisioner makes a session and draws its link identifier. Open starts
// it. It fails only when Random does.
func NewProvisioner(o ProvisionerOptions) (*Provisioner, error) { panic("TODO") }

// UUID is the device's.
func (p *Provisioner) UUID() mesh.UUID { panic("TODO") }

// Link is the link identifier, the first four octets (big endian) of every PDU
// of the session.
func (p *Provisioner) Link() uint32 { panic("TODO") }

// Open begins to open the link.
func (p *Provisioner) Open(now time.Time, out *Output) { panic("TODO") }

// Receive handles a PB-ADV PDU. A PDU of another link is ignored.
func (p *Provisioner) Receive(now time.Time, pdu []byte, out *Output) { panic("TODO") }

// Accept goes on after CapabilitiesGot. When the device cannot be provisioned
// like that (it lacks the method or the algorithm, the addresses do not fit),
// Accept returns an error that says what it offers, the session goes on
// waiting, and Accept may be called again, or Abort.
func (p *Provisioner) Accept(now time.Time, a Acceptance, out *Output) error { panic("TODO") }

// Abort ends the session; the failure's reason is in the given words.
func (p *Provisioner) Abort(now time.Time, reason string, out *Output) { panic("TODO") }

// NextDeadline is when Tick wants to be called, zero for never.
func (p *Provisioner) NextDeadline() time.Time { panic("TODO") }

// Tick does what is due: retransmissions and timeouts.
func (p *Provisioner) Tick(now time.Time, out *Output) { panic("TODO") }

// Done reports that the session needs nothing any more.
func (p *Provisioner) Done() bool { panic("TODO") }

// Counters of what was received so far.
func (p *Provisioner) Counters() Counters { panic("TODO") }
