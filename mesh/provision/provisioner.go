package provision

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// ErrNotAwaited is returned by Accept and Input if the session is not waiting
// for them.
var ErrNotAwaited = errors.New("provision: expected Accept once, after the device's capabilities, and Input when the value is requested")

// userTimeout is how long the user may take. It is a little shorter than the
// protocol's timeout, so that the session ends with a reason and not with a
// link that the device closes.
const userTimeout = protocolTimeout - 5*time.Second

// ProvisionerOptions is what a session of the provisioner needs from the start.
// What depends on the device is passed to Accept.
type ProvisionerOptions struct {
	UUID      mesh.UUID
	Attention uint8           // how long the device should attract attention in seconds, 0 for not
	Random    io.Reader       // cryptographic randomness
	Transmit  bearer.Transmit // of each PDU on PB-ADV; DefaultTransmit if zero
	Bearer    Bearer
	// Records makes the session first read the device's provisioning records
	// that certificate-based provisioning needs.
	Records bool
	// Link identifies the link in Output, for a bearer whose link the caller
	// provides. The link identifier of PB-ADV is random.
	Link uint32
}

// Acceptance is the decision to provision a device, made when its capabilities
// are known. It contains the network so that its IV index and flags are
// current.
type Acceptance struct {
	Network    Network
	Address    mesh.Address // of the first element; the others follow
	Auth       Auth
	Algorithms Algorithms // allowed algorithms, all if zero
}

// provisionerPhase is what a session is waiting for.
type provisionerPhase uint8

const (
	provisionerIdle provisionerPhase = iota
	awaitLink
	awaitRecords // the list, or a fragment
	awaitCapabilities
	awaitAccept
	awaitPublicKey
	awaitValue         // of output OOB, from the user
	awaitInputComplete // of input OOB
	awaitConfirmation
	awaitRandom
	awaitComplete
	provisionerEnded
)

// Provisioner is one session with one device. After its end it still repeats
// the Link Close for a moment; Done reports when it can be dropped.
type Provisioner struct {
	uuid         mesh.UUID
	link         link
	phase        provisionerPhase
	attention    uint8
	random       io.Reader
	capabilities Capabilities
	acceptance   Acceptance
	secrets      secrets
	session      session
	records      *gathering // nil if they are not requested
	patience     time.Time  // time limit for the user
}

// NewProvisioner makes a session and draws its link identifier. Open starts it.
// It fails only if Random fails.
func NewProvisioner(o ProvisionerOptions) (*Provisioner, error) {
	p := &Provisioner{uuid: o.UUID, attention: o.Attention, random: o.Random}
	if o.Records {
		p.records = &gathering{got: Records{}}
	}
	if o.Bearer != PBADV {
		p.link = newCarriedLink(o.Link)
		return p, nil
	}
	var id [4]byte
	if _, err := io.ReadFull(o.Random, id[:]); err != nil {
		return nil, fmt.Errorf("provision: link identifier: expected 4 random octets: %w", err)
	}
	p.link = newAdvertisedLink(binary.BigEndian.Uint32(id[:]), o.UUID, o.Transmit, false)
	return p, nil
}

// UUID returns the device's UUID.
func (p *Provisioner) UUID() mesh.UUID { return p.uuid }

// Link returns the link identifier: on PB-ADV the first four octets
// (big-endian) of every PDU of the session, otherwise ProvisionerOptions.Link.
func (p *Provisioner) Link() uint32 { return p.link.status().id }

// NextDeadline is when Tick has to be called, zero for never.
func (p *Provisioner) NextDeadline() time.Time {
	return deadline.Earliest(p.link.deadline(), p.patience)
}

// Done reports whether the session has nothing left to do.
func (p *Provisioner) Done() bool { return p.link.status().phase == linkClosed }

// Counters returns the counts of received PDUs.
func (p *Provisioner) Counters() Counters { return p.link.status().counters }

// Share sets whether the session shares its radio with others. On PB-ADV it
// then leaves time to them, and takes longer where many PDUs are lost.
func (p *Provisioner) Share(shared bool) {
	if l, advertised := p.link.(*advertisedLink); advertised {
		l.paced = shared
	}
}

// Open begins to open the link. A second call does nothing.
func (p *Provisioner) Open(now time.Time, out *Output) {
	if p.phase != provisionerIdle {
		return
	}
	p.phase = awaitLink
	p.link.open(now, out)
	p.report(out, LinkOpening)
}

// Receive handles a PB-ADV PDU. A PDU of another link is ignored.
func (p *Provisioner) Receive(now time.Time, pdu []byte, out *Output) {
	l, advertised := p.link.(*advertisedLink)
	if id, ok := LinkOf(pdu); !advertised || !ok || id != l.id {
		return
	}
	g, ok := parse(pdu)
	if !ok {
		l.counters.Malformed++
		return
	}
	p.follow(now, l.receive(now, &g, out), out)
}

// Connected reports that the link that the caller provides is open (PB-GATT,
// PB-Remote).
func (p *Provisioner) Connected(now time.Time, out *Output) {
	if l, carried := p.link.(*carriedLink); carried {
		p.follow(now, l.connected(now), out)
	}
}

// ReceivePDU handles a provisioning PDU from a link that the caller provides.
func (p *Provisioner) ReceivePDU(now time.Time, pdu []byte, out *Output) {
	if l, carried := p.link.(*carriedLink); carried {
		p.follow(now, l.receive(now, pdu), out)
	}
}

// Disconnected reports that the link that the caller provides has ended or
// could not be opened. reason is the cause, nil if Output.End requested it.
func (p *Provisioner) Disconnected(now time.Time, reason error, out *Output) {
	l, carried := p.link.(*carriedLink)
	if !carried {
		return
	}
	switch opened := l.phase == linkOpen; {
	case l.disconnected() != peerClosed:
	case opened:
		p.fail(now, FailLinkClosed, out, "expected the device to keep the link open, it has ended: %v", reason)
	default:
		p.fail(now, FailLinkClosed, out, "expected a link to the device, it could not be opened: %v", reason)
	}
}

// follow continues after an input to the link.
func (p *Provisioner) follow(now time.Time, h happening, out *Output) {
	switch h {
	case linkUp:
		p.report(out, LinkOpened)
		if p.records != nil {
			p.phase = awaitRecords
			p.send(now, RecordsGet{}, out)
			return
		}
		p.invite(now, out)
	case messageCame:
		p.handle(now, p.link.message(), out)
	case peerClosed:
		p.fail(now, FailLinkClosed, out, "expected the device to keep the link open, it closed it with reason %v", p.link.status().reason)
	case peerHopeless:
		p.fail(now, FailSegments, out, "expected consistent segments, got %d inconsistent ones", p.link.status().wrong)
	}
}

// Tick does what is due: retransmissions and timeouts.
func (p *Provisioner) Tick(now time.Time, out *Output) {
	if deadline.Due(p.patience, now) {
		switch p.phase {
		case awaitValue:
			p.fail(now, FailOOBTimeout, out, "expected the value that the device displays within %v, nobody entered it", userTimeout)
		case awaitInputComplete:
			p.fail(now, FailOOBTimeout, out, "expected the value to be entered on the device within %v, the device got none", userTimeout)
		}
		p.patience = time.Time{}
	}
	switch p.link.tick(now, out) {
	case openExpired:
		p.fail(now, FailLinkTimeout, out, "expected the device to acknowledge the link within %v, it is out of reach, off, or linked to another provisioner", openTimeout)
	case sendingExpired:
		p.fail(now, FailTransactionTimeout, out, "expected an acknowledgement within %v, got none", transactionTimeout)
	case quietExpired:
		if p.phase == awaitAccept {
			p.fail(now, FailUndecided, out, "expected Accept within %v of the device's capabilities", protocolTimeout)
		} else {
			p.fail(now, FailProtocolTimeout, out, "expected the device's next PDU within %v, got only an acknowledgement", protocolTimeout)
		}
	}
}

// Abort ends the session with the given reason.
func (p *Provisioner) Abort(now time.Time, reason string, out *Output) {
	p.fail(now, FailAborted, out, "%s", reason)
}

// Reject ends a session whose device is not to be provisioned. reason may be a
// *Failure of Accept, Choose or Verify; its code is kept.
func (p *Provisioner) Reject(now time.Time, reason error, out *Output) {
	var f *Failure
	if errors.As(reason, &f) {
		p.end(now, closeFail, out, f)
		return
	}
	p.fail(now, FailAborted, out, "%v", reason)
}

// Format writes the state without the secrets, for every verb.
func (p *Provisioner) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "provisioner of %v on link %08x, phase %d", p.uuid, p.Link(), p.phase)
}

// Accept continues after CapabilitiesGot. If out is the Output that the event
// came in, some time on the air is saved: the acknowledgement of the
// capabilities then goes out only once, before what follows it. If the device
// cannot be provisioned in this way (it lacks the method or the algorithm, or
// the addresses do not fit), Accept returns a *Failure that says what it
// offers, the session continues to wait, and Accept or Abort may be called
// again. It returns ErrNotAwaited if the session is in another phase.
func (p *Provisioner) Accept(now time.Time, a Acceptance, out *Output) error {
	if p.phase != awaitAccept {
		return ErrNotAwaited
	}
	algorithm, refusal := choose(&p.capabilities, &a)
	if refusal != nil {
		return refusal
	}
	p.acceptance = a
	p.secrets.algorithm = algorithm
	if err := p.secrets.draw(p.random, nil); err != nil {
		p.fail(now, FailRandomness, out, "%v", err)
		return nil
	}
	start := Start{
		Algorithm: algorithm, OOBPublicKey: a.Auth.PublicKey != nil,
		Method: a.Auth.Method, Action: a.Auth.Action, Size: a.Auth.Size,
	}
	key := PublicKey{Key: p.secrets.pair.Public()}
	p.secrets.record(atStart, start)
	p.secrets.record(atProvisionerKey, key)
	p.phase = awaitPublicKey
	p.send(now, start, out)
	p.send(now, key, out)
	out.Events = append(out.Events, Event{UUID: p.uuid, Link: p.Link(), Step: Started, Start: &start})
	if a.Auth.PublicKey != nil {
		p.agree(now, PublicKey{Key: *a.Auth.PublicKey}, out)
	}
	return nil
}

// choose selects the algorithm, or says why none is possible.
func choose(c *Capabilities, a *Acceptance) (Algorithm, error) {
	allowed := a.Algorithms
	if allowed == 0 {
		allowed = AllAlgorithms
	}
	algorithm, ok := (allowed & c.Algorithms).Best()
	switch {
	case !ok:
		return 0, failure(FailCapabilities, "expected one of the algorithms 0x%04x, the device has 0x%04x", uint16(allowed), uint16(c.Algorithms))
	case !fits(a.Address, c.Elements):
		return 0, failure(FailAddress, "expected room for %d unicast addresses up to %v, got %v as the first", c.Elements, mesh.LastUnicast, a.Address)
	case a.Network.Index > mesh.MaxKeyIndex:
		return 0, failure(FailData, "expected a NetKey index up to 0x%03x, got 0x%04x", uint16(mesh.MaxKeyIndex), uint16(a.Network.Index))
	}
	if refusal := c.refuses(&a.Auth); refusal != nil {
		return 0, refusal
	}
	return algorithm, nil
}

// handle implements the protocol (section 5.4.2). Every PDU belongs to one
// phase.
func (p *Provisioner) handle(now time.Time, octets []byte, out *Output) {
	if p.phase == provisionerEnded {
		return
	}
	pdu, err := Decode(octets)
	if err != nil {
		code := FailInvalidFormat
		if errors.Is(err, ErrType) {
			code = FailInvalidPDU
		}
		p.fail(now, code, out, "%v", err)
		return
	}
	if f, ok := pdu.(FailedPDU); ok {
		reason := fmt.Sprintf("the device ended the session: %v", f.Code)
		if f.Code == ConfirmationFailed {
			reason += "; its authentication value is not the one that was given, or there was an attack"
		}
		p.end(now, closeFail, out, &Failure{Code: FailPeer, Peer: f.Code, Reason: reason})
		return
	}
	switch m := pdu.(type) {
	case Capabilities:
		if p.phase == awaitCapabilities {
			p.offered(now, m, out)
			return
		}
	case PublicKey:
		if p.phase == awaitPublicKey {
			p.agree(now, m, out)
			return
		}
	case InputComplete:
		if p.phase == awaitInputComplete {
			p.commit(now, out)
			return
		}
	case RecordsList:
		if p.phase == awaitRecords && !p.records.listed {
			p.listed(now, m, out)
			return
		}
	case Record:
		if p.phase == awaitRecords && p.records.listed {
			p.gather(now, m, out)
			return
		}
	case Confirmation:
		if p.phase == awaitConfirmation {
			p.reveal(now, m.Value, out)
			return
		}
	case Random:
		if p.phase == awaitRandom {
			p.verify(now, m.Value, out)
			return
		}
	case Complete:
		if p.phase == awaitComplete {
			p.complete(now, out)
			return
		}
	}
	p.fail(now, FailUnexpectedPDU, out, "expected the PDUs in order, got type 0x%02x", octets[0])
}

// invite begins the provisioning protocol.
func (p *Provisioner) invite(now time.Time, out *Output) {
	p.phase = awaitCapabilities
	p.secrets.record(0, Invite{Attention: p.attention})
	p.send(now, Invite{Attention: p.attention}, out)
}

func (p *Provisioner) offered(now time.Time, c Capabilities, out *Output) {
	if _, ok := c.Algorithms.Best(); !ok {
		p.fail(now, FailCapabilities, out, "expected a known algorithm, the device has 0x%04x", uint16(c.Algorithms))
		return
	}
	p.capabilities = c
	p.secrets.record(atCapabilities, c)
	p.phase = awaitAccept
	out.Events = append(out.Events, Event{UUID: p.uuid, Link: p.Link(), Step: CapabilitiesGot, Capabilities: &c})
}

// agree takes the device's public key and continues with authentication.
func (p *Provisioner) agree(now time.Time, m PublicKey, out *Output) {
	own := p.secrets.pair.Public()
	if [xSize]byte(m.Key[:]) == [xSize]byte(own[:]) {
		// Only X is compared: the mirrored point is as good for a reflection.
		p.fail(now, FailReflected, out, "expected the device's public key, got the provisioner's own")
		return
	}
	p.secrets.record(atDeviceKey, m)
	if err := p.secrets.agree(m.Key); err != nil {
		p.fail(now, FailPublicKey, out, "%v", err)
		return
	}
	auth := &p.acceptance.Auth
	prompt := promptOf(auth.Method, auth.Action, auth.Size)
	if prompt == nil {
		p.secrets.setAuth(auth.Value)
		p.report(out, PublicKeysGot)
		p.commit(now, out)
		return
	}
	p.report(out, PublicKeysGot)
	p.prompt(now, prompt, out)
}

// prompt involves the user.
func (p *Provisioner) prompt(now time.Time, prompt *Prompt, out *Output) {
	step := OOBWanted
	p.phase = awaitValue
	p.patience = now.Add(userTimeout)
	if prompt.Method == InputOOB {
		text, err := prompt.draw(p.random)
		if err != nil {
			p.fail(now, FailRandomness, out, "%v", err)
			return
		}
		p.secrets.setPrompted(prompt, text)
		prompt.Value = text
		step, p.phase = OOBShown, awaitInputComplete
	}
	out.Events = append(out.Events, Event{UUID: p.uuid, Link: p.Link(), Step: step, Prompt: prompt})
}

// Input passes the value that the device displays, after OOBWanted. The error
// wraps ErrValue if the value is invalid, and Input may be called again; it is
// ErrNotAwaited if the session is not waiting for a value.
func (p *Provisioner) Input(now time.Time, text string, out *Output) error {
	if p.phase != awaitValue {
		return ErrNotAwaited
	}
	prompt := promptOf(OutputOOB, p.acceptance.Auth.Action, p.acceptance.Auth.Size)
	if err := prompt.check(text); err != nil {
		return err
	}
	p.secrets.setPrompted(prompt, text)
	p.commit(now, out)
	return nil
}

// commit commits to this side's random number.
func (p *Provisioner) commit(now time.Time, out *Output) {
	p.secrets.prepare()
	p.patience = time.Time{}
	p.phase = awaitConfirmation
	p.send(now, Confirmation{Value: p.secrets.confirmation[:p.secrets.algorithm.size()]}, out)
}

// reveal takes the device's confirmation and reveals this side's random number.
// With it the authentication value can be searched for, so a device that has
// not committed does not get it (CVE-2020-26559).
func (p *Provisioner) reveal(now time.Time, confirmation []byte, out *Output) {
	size := p.secrets.algorithm.size()
	if len(confirmation) != size {
		p.fail(now, FailInvalidFormat, out, "expected a confirmation of %d octets, got %d", size, len(confirmation))
		return
	}
	if !p.secrets.commit(confirmation) {
		p.fail(now, FailReflected, out, "expected the device's confirmation, got the provisioner's own")
		return
	}
	p.phase = awaitRandom
	p.send(now, Random{Value: p.secrets.random[:size]}, out)
	p.report(out, Confirming)
}

// verify checks the device's random number. With the right one the device is
// authentic and gets the network.
func (p *Provisioner) verify(now time.Time, random []byte, out *Output) {
	if size := p.secrets.algorithm.size(); len(random) != size {
		p.fail(now, FailInvalidFormat, out, "expected a random number of %d octets, got %d", size, len(random))
		return
	}
	var device value
	copy(device[:], random)
	if p.secrets.own(&device) {
		p.fail(now, FailReflected, out, "expected the device's random number, got the provisioner's own")
		return
	}
	if !p.secrets.opens(&device) {
		p.fail(now, FailConfirmation, out, "expected a confirmation with the given authentication value, the device has another value or is an impostor; check the value (upper and lower case differ)")
		return
	}
	p.session = p.secrets.derive(&p.secrets.random, &device)
	p.phase = awaitComplete
	p.report(out, Authenticated)
	p.send(now, p.session.seal(&p.acceptance.Network, p.acceptance.Address), out)
	p.report(out, DataSent)
}

func (p *Provisioner) complete(now time.Time, out *Output) {
	p.link.finish(now, out)
	out.Events = append(out.Events, Event{UUID: p.uuid, Link: p.Link(), Step: Completed, Node: &Node{
		UUID:      p.uuid,
		DeviceKey: p.session.deviceKey,
		NetKey:    p.acceptance.Network.Index,
		Address:   p.acceptance.Address,
		Elements:  p.capabilities.Elements,
		Algorithm: p.secrets.algorithm,
		Method:    p.acceptance.Auth.Method,
	}})
	p.forget()
}

// fail ends the session with a reason in words.
func (p *Provisioner) fail(now time.Time, code FailureCode, out *Output, format string, args ...any) {
	reason := closeFail
	switch code {
	case FailLinkTimeout, FailTransactionTimeout, FailProtocolTimeout, FailUndecided:
		reason = closeTimeout
	}
	p.end(now, reason, out, failure(code, format, args...))
}

func (p *Provisioner) end(now time.Time, reason closeReason, out *Output, f *Failure) {
	if p.phase == provisionerEnded {
		return
	}
	p.link.close(now, reason, out)
	out.Events = append(out.Events, Event{UUID: p.uuid, Link: p.Link(), Step: Failed, Failure: f})
	p.forget()
}

// forget clears the secrets of a finished session.
func (p *Provisioner) forget() {
	p.phase, p.patience = provisionerEnded, time.Time{}
	p.secrets, p.session, p.acceptance = secrets{}, session{}, Acceptance{}
}

func (p *Provisioner) send(now time.Time, pdu PDU, out *Output) {
	var buffer [maxTransaction]byte
	p.link.send(now, pdu.append(buffer[:0]), out)
}

func (p *Provisioner) report(out *Output, step Step) {
	out.Events = append(out.Events, Event{UUID: p.uuid, Link: p.Link(), Step: step})
}
