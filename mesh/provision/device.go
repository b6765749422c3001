package provision

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// reopenPause is how long a Link Open with the identifier of the link that just
// ended counts as a late copy and not as a new link.
const reopenPause = 5 * time.Second

// DeviceOptions describes an unprovisioned device.
type DeviceOptions struct {
	UUID         mesh.UUID
	Capabilities Capabilities
	StaticOOB    AuthValue       // nil for none; requires the bit in Capabilities.OOBTypes
	KeyPair      *crypto.KeyPair // known out of band; nil for none; requires the bit in Capabilities.PublicKeyTypes
	Records      Records         // provisioning records, nil for none
	// Check decides whether to accept provisioning data. If it returns a code
	// other than 0 and a reason, the device refuses the data. Nil accepts all
	// valid data.
	Check    func(network Network, address mesh.Address) (code ErrorCode, reason string)
	Random   io.Reader       // cryptographic randomness
	Transmit bearer.Transmit // of each PDU; DefaultTransmit if zero
}

// devicePhase is what a device is waiting for.
type devicePhase uint8

const (
	awaitOpen devicePhase = iota
	awaitInvite
	awaitStart
	awaitPeerKey
	awaitInput // input OOB from the user
	awaitPeerConfirmation
	awaitPeerRandom
	awaitData
	deviceJoined // answers repetitions until the link ends
	deviceFailed // refuses everything until the link ends
	deviceDone
)

// Device is an unprovisioned device that can be provisioned. It accepts one
// link at a time and, after a failure, the next one. After Completed it answers
// the provisioner's repetitions until the link ends.
type Device struct {
	options  DeviceOptions
	link     link // nil while there is none
	phase    devicePhase
	secrets  secrets
	session  session
	prompt   *Prompt         // of output or input OOB
	knownKey *crypto.KeyPair // the provisioner knows its public key out of band
	counters Counters        // of links that have ended
	former   uint32          // the last PB-ADV link that ended
	endedAt  time.Time
}

// NewDevice makes a device. It returns an error if the options contradict each
// other or require something that is not implemented.
func NewDevice(o DeviceOptions) (*Device, error) {
	c := &o.Capabilities
	hasStatic := c.OOBTypes&StaticOOBAvailable != 0
	switch {
	case c.Elements == 0:
		return nil, errors.New("provision: device: expected 1 to 255 elements, got 0")
	case c.Algorithms == 0 || c.Algorithms&^AllAlgorithms != 0:
		return nil, fmt.Errorf("provision: device: expected algorithms among 0x%04x, got 0x%04x", uint16(AllAlgorithms), uint16(c.Algorithms))
	case hasStatic != (len(o.StaticOOB) > 0) || len(o.StaticOOB) > len(value{}):
		return nil, fmt.Errorf("provision: device: expected a static value of 1 to 32 octets with static OOB and none without, got %d octets", len(o.StaticOOB))
	case (c.PublicKeyTypes&PublicKeyOOB != 0) != (o.KeyPair != nil):
		return nil, errors.New("provision: device: expected a key pair with a public key out of band, and none without")
	case (c.OutputSize == 0) != (c.OutputActions == 0) || c.OutputSize > maxOOBSize || c.OutputActions>>(OutputAlphanumeric+1) != 0:
		return nil, fmt.Errorf("provision: device: expected output actions 0x0001 to 0x001f with a size of 1 to 8, or neither, got 0x%04x and %d", uint16(c.OutputActions), c.OutputSize)
	case (c.InputSize == 0) != (c.InputActions == 0) || c.InputSize > maxOOBSize || c.InputActions>>(InputAlphanumeric+1) != 0:
		return nil, fmt.Errorf("provision: device: expected input actions 0x0001 to 0x000f with a size of 1 to 8, or neither, got 0x%04x and %d", uint16(c.InputActions), c.InputSize)
	case c.OOBTypes&OOBRequired != 0 && !hasStatic && c.OutputActions == 0 && c.InputActions == 0:
		return nil, errors.New("provision: device: expected a static value, output or input, because OOB is required")
	}
	return &Device{options: o}, nil
}

// Linked reports whether a link is open. A device with a link sends no
// unprovisioned device beacons.
func (d *Device) Linked() bool { return d.link != nil && d.link.status().phase == linkOpen }

// Done reports whether the device is a node and its link has ended.
func (d *Device) Done() bool { return d.phase == deviceDone }

// NextDeadline is when Tick has to be called, zero for never.
func (d *Device) NextDeadline() time.Time {
	if d.link == nil {
		return time.Time{}
	}
	return d.link.deadline()
}

// Counters returns the counts of received PDUs.
func (d *Device) Counters() Counters {
	if d.link == nil {
		return d.counters
	}
	return d.counters.plus(d.link.status().counters)
}

// linkID returns the identifier of the link, 0 while there is none.
func (d *Device) linkID() uint32 {
	if d.link == nil {
		return 0
	}
	return d.link.status().id
}

// Format writes the state without secrets, for every verb.
func (d *Device) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "device %v on link %08x, phase %d", d.options.UUID, d.linkID(), d.phase)
}

// Receive handles a PB-ADV PDU. A PDU of another link, or a Link Open for
// another device, is ignored.
func (d *Device) Receive(now time.Time, pdu []byte, out *Output) {
	if d.phase == deviceDone {
		return
	}
	l, advertised := d.link.(*advertisedLink)
	g, ok := parse(pdu)
	if !ok {
		if id, ok := LinkOf(pdu); ok && advertised && d.Linked() && id == l.id {
			l.counters.Malformed++
		}
		return
	}
	if g.form == formControl && g.high == opLinkOpen {
		d.opened(now, &g, out)
		return
	}
	if !advertised || g.link != l.id {
		return
	}
	d.follow(now, l.receive(now, &g, out), out)
}

// Connected reports that a provisioner has opened a link that the caller
// provides (PB-GATT); link identifies it in Output. A device has one link at a
// time: it requests that any other be closed.
func (d *Device) Connected(now time.Time, link uint32, out *Output) {
	if d.phase == deviceDone || d.link != nil {
		d.counters.Stray++
		out.End = append(out.End, CarriedEnd{Link: link})
		return
	}
	l := newCarriedLink(link)
	d.link = l
	d.follow(now, l.connected(now), out)
}

// ReceivePDU handles a provisioning PDU from a link that the caller provides.
func (d *Device) ReceivePDU(now time.Time, link uint32, pdu []byte, out *Output) {
	if l, carried := d.link.(*carriedLink); carried && l.id == link {
		d.follow(now, l.receive(now, pdu), out)
	}
}

// Disconnected reports that the link that the caller provides has ended. reason
// is the cause, nil if Output.End requested it.
func (d *Device) Disconnected(now time.Time, link uint32, reason error, out *Output) {
	l, carried := d.link.(*carriedLink)
	if !carried || l.id != link {
		return
	}
	if l.disconnected() == peerClosed {
		d.lost(FailLinkClosed, out, "expected the provisioner to finish, the link has ended: %v", reason)
	}
	d.reset(now)
}

// follow continues after an input to the link.
func (d *Device) follow(now time.Time, h happening, out *Output) {
	switch h {
	case linkUp:
		d.phase = awaitInvite
		d.report(out, LinkOpened)
	case messageCame:
		d.handle(now, d.link.message(), out)
	case peerClosed:
		d.lost(FailLinkClosed, out, "expected the provisioner to finish, it closed the link with reason %v", d.link.status().reason)
		d.reset(now)
	case peerHopeless:
		d.lost(FailSegments, out, "expected consistent segments, got %d inconsistent ones", d.link.status().wrong)
		d.link.close(now, closeFail, out)
	}
}

// opened handles a Link Open.
func (d *Device) opened(now time.Time, g *generic, out *Output) {
	if mesh.UUID(g.data) != d.options.UUID {
		return
	}
	if d.link == nil {
		if g.link == d.former && !d.endedAt.IsZero() && now.Sub(d.endedAt) < reopenPause {
			d.counters.Stray++
			return
		}
		l := newAdvertisedLink(g.link, d.options.UUID, d.options.Transmit, true)
		d.link = l
		l.accept(now, out)
		d.follow(now, linkUp, out)
		return
	}
	l, advertised := d.link.(*advertisedLink)
	if !advertised || l.phase != linkOpen || g.link != l.id {
		d.link.status().counters.Stray++ // only one link at a time
		return
	}
	l.counters.Duplicate++
	if d.phase == awaitInvite && now.Sub(l.ackedAt) >= ackPause {
		l.ackedAt = now
		l.control(out, opLinkAck)
	}
}

// Tick does what is due: retransmissions and timeouts.
func (d *Device) Tick(now time.Time, out *Output) {
	if d.link == nil {
		return
	}
	switch d.link.tick(now, out) {
	case sendingExpired:
		d.lost(FailTransactionTimeout, out, "expected an acknowledgement within %v, got none", transactionTimeout)
		d.link.close(now, closeTimeout, out)
	case quietExpired:
		d.lost(FailProtocolTimeout, out, "expected the provisioner's next PDU within %v, got none", protocolTimeout)
		d.link.close(now, closeTimeout, out)
	case closingOver:
		d.reset(now)
	}
}

// handle implements the protocol (section 5.4.2). Every PDU belongs to one
// phase.
func (d *Device) handle(now time.Time, octets []byte, out *Output) {
	if d.phase == deviceJoined {
		return // nothing more to send; the link has acknowledged it
	}
	pdu, err := Decode(octets)
	switch {
	case d.phase == deviceFailed:
		// After a failure every PDU is unexpected (section 5.4.4).
		d.send(now, FailedPDU{Code: UnexpectedPDU}, out)
		return
	case errors.Is(err, ErrType):
		d.refuse(now, FailInvalidPDU, InvalidPDU, out, "%v", err)
		return
	case err != nil:
		d.refuse(now, FailInvalidFormat, InvalidFormat, out, "%v", err)
		return
	}
	switch m := pdu.(type) {
	case Invite:
		if d.phase == awaitInvite {
			d.offer(now, m, out)
			return
		}
	case RecordsGet:
		if d.phase == awaitInvite {
			d.send(now, RecordsList{Records: d.options.Records.list()}, out)
			return
		}
	case RecordRequest:
		if d.phase == awaitInvite {
			d.send(now, d.options.Records.fragment(m), out)
			return
		}
	case Start:
		if d.phase == awaitStart {
			d.begin(now, m, out)
			return
		}
	case PublicKey:
		if d.phase == awaitPeerKey {
			d.agree(now, m, out)
			return
		}
	case Confirmation:
		if d.phase == awaitPeerConfirmation {
			d.commit(now, m.Value, out)
			return
		}
	case Random:
		if d.phase == awaitPeerRandom {
			d.reveal(now, m.Value, out)
			return
		}
	case Data:
		if d.phase == awaitData {
			d.join(now, m, out)
			return
		}
	}
	d.refuse(now, FailUnexpectedPDU, UnexpectedPDU, out, "expected the PDUs in order, got type 0x%02x", octets[0])
}

func (d *Device) offer(now time.Time, m Invite, out *Output) {
	d.secrets.record(0, m)
	d.secrets.record(atCapabilities, d.options.Capabilities)
	d.phase = awaitStart
	d.send(now, d.options.Capabilities, out)
	out.Events = append(out.Events, Event{UUID: d.options.UUID, Link: d.linkID(), Step: Invited, Attention: m.Attention})
}

// begin accepts the provisioner's choice and draws the random values of an
// attempt.
func (d *Device) begin(now time.Time, m Start, out *Output) {
	c := &d.options.Capabilities
	usable := c.Algorithms.Has(m.Algorithm) && (!m.OOBPublicKey || d.options.KeyPair != nil)
	switch m.Method {
	case NoOOB:
		usable = usable && c.OOBTypes&OOBRequired == 0
	case StaticOOB:
		usable = usable && c.OOBTypes&StaticOOBAvailable != 0
	case OutputOOB:
		usable = usable && c.OutputActions.Has(m.Action) && m.Size <= c.OutputSize
	case InputOOB:
		usable = usable && c.InputActions.Has(m.Action) && m.Size <= c.InputSize
	}
	if !usable {
		d.refuse(now, FailInvalidFormat, InvalidFormat, out, "expected what the capabilities offer, got a start with %v, %v, public key out of band %t", m.Algorithm, m.Method, m.OOBPublicKey)
		return
	}
	d.secrets.record(atStart, m)
	d.secrets.algorithm = m.Algorithm
	d.prompt = promptOf(m.Method, m.Action, m.Size)
	d.knownKey = nil
	if m.OOBPublicKey {
		d.knownKey = d.options.KeyPair
	}
	if m.Method == StaticOOB {
		d.secrets.setAuth(d.options.StaticOOB)
	}
	if err := d.secrets.draw(d.options.Random, d.knownKey); err != nil {
		d.refuse(now, FailRandomness, UnexpectedError, out, "%v", err)
		return
	}
	d.phase = awaitPeerKey
	out.Events = append(out.Events, Event{UUID: d.options.UUID, Link: d.linkID(), Step: Started, Start: &m})
}

func (d *Device) agree(now time.Time, m PublicKey, out *Output) {
	own := PublicKey{Key: d.secrets.pair.Public()}
	if [xSize]byte(m.Key[:]) == [xSize]byte(own.Key[:]) {
		d.refuse(now, FailReflected, InvalidFormat, out, "expected the provisioner's public key, got this device's own")
		return
	}
	d.secrets.record(atProvisionerKey, m)
	d.secrets.record(atDeviceKey, own)
	if err := d.secrets.agree(m.Key); err != nil {
		d.refuse(now, FailPublicKey, InvalidFormat, out, "%v", err)
		return
	}
	if d.knownKey == nil {
		d.send(now, own, out)
	}
	d.report(out, PublicKeysGot)
	d.authenticate(now, out)
}

// authenticate continues when both sides have their keys: the authentication
// value is known, displayed, or requested from the user.
func (d *Device) authenticate(now time.Time, out *Output) {
	d.phase = awaitPeerConfirmation
	if d.prompt == nil {
		d.secrets.prepare()
		return
	}
	step := OOBWanted
	if d.prompt.Method == OutputOOB {
		text, err := d.prompt.draw(d.options.Random)
		if err != nil {
			d.refuse(now, FailRandomness, UnexpectedError, out, "%v", err)
			return
		}
		d.secrets.setPrompted(d.prompt, text)
		d.secrets.prepare()
		d.prompt.Value = text
		step = OOBShown
	} else {
		d.phase = awaitInput
	}
	out.Events = append(out.Events, Event{UUID: d.options.UUID, Link: d.linkID(), Step: step, Prompt: d.prompt})
}

// Input passes the value that the user has entered on the device, after
// OOBWanted. The error wraps ErrValue if the value is invalid; it is
// ErrNotAwaited if the device is not waiting for one.
func (d *Device) Input(now time.Time, text string, out *Output) error {
	if d.phase != awaitInput {
		return ErrNotAwaited
	}
	if err := d.prompt.check(text); err != nil {
		return err
	}
	d.secrets.setPrompted(d.prompt, text)
	d.secrets.prepare()
	d.phase = awaitPeerConfirmation
	d.send(now, InputComplete{}, out)
	return nil
}

func (d *Device) commit(now time.Time, confirmation []byte, out *Output) {
	size := d.secrets.algorithm.size()
	if len(confirmation) != size {
		d.refuse(now, FailInvalidFormat, InvalidFormat, out, "expected a confirmation of %d octets, got %d", size, len(confirmation))
		return
	}
	if !d.secrets.commit(confirmation) {
		d.refuse(now, FailReflected, ConfirmationFailed, out, "expected the provisioner's confirmation, got this device's own")
		return
	}
	d.phase = awaitPeerRandom
	d.send(now, Confirmation{Value: d.secrets.confirmation[:size]}, out)
	d.report(out, Confirming)
}

func (d *Device) reveal(now time.Time, random []byte, out *Output) {
	size := d.secrets.algorithm.size()
	if len(random) != size {
		d.refuse(now, FailInvalidFormat, InvalidFormat, out, "expected a random number of %d octets, got %d", size, len(random))
		return
	}
	var provisioner value
	copy(provisioner[:], random)
	if d.secrets.own(&provisioner) {
		d.refuse(now, FailReflected, ConfirmationFailed, out, "expected the provisioner's random number, got this device's own")
		return
	}
	if !d.secrets.opens(&provisioner) {
		d.refuse(now, FailConfirmation, ConfirmationFailed, out, "expected a confirmation with the device's authentication value, the provisioner has another value or is an impostor")
		return
	}
	d.session = d.secrets.derive(&provisioner, &d.secrets.random)
	d.phase = awaitData
	d.send(now, Random{Value: d.secrets.random[:size]}, out)
	d.report(out, Authenticated)
}

// join accepts the network. The result is in the same output as Complete, and
// events come before what is sent: the provisioner is not informed of a node
// that has not stored its keys.
func (d *Device) join(now time.Time, m Data, out *Output) {
	network, address, ok := d.session.open(&m)
	switch {
	case !ok:
		d.refuse(now, FailDecryption, DecryptionFailed, out, "expected provisioning data of this session, it is not authentic")
		return
	case network.Index > mesh.MaxKeyIndex:
		d.refuse(now, FailData, InvalidData, out, "expected a NetKey index up to 0x%03x, got 0x%04x", uint16(mesh.MaxKeyIndex), uint16(network.Index))
		return
	case !fits(address, d.options.Capabilities.Elements):
		d.refuse(now, FailAddress, CannotAssign, out, "expected room for %d unicast addresses, got %v as the first", d.options.Capabilities.Elements, address)
		return
	}
	if d.options.Check != nil {
		if code, reason := d.options.Check(network, address); code != 0 {
			d.refuse(now, FailData, code, out, "%s", reason)
			return
		}
	}
	joined := &Joined{Network: network, Address: address, DeviceKey: d.session.deviceKey}
	d.phase = deviceJoined
	d.forget()
	d.send(now, Complete{}, out)
	out.Events = append(out.Events, Event{UUID: d.options.UUID, Link: d.linkID(), Step: Completed, Joined: joined})
}

// refuse informs the provisioner of the reason, and waits for it to close the
// link.
func (d *Device) refuse(now time.Time, code FailureCode, sent ErrorCode, out *Output, format string, args ...any) {
	d.send(now, FailedPDU{Code: sent}, out)
	f := failure(code, format, args...)
	f.Sent = sent
	d.failed(f, out)
}

// lost ends the attempt when the link has ended. After Completed that is the
// normal end of the link.
func (d *Device) lost(code FailureCode, out *Output, format string, args ...any) {
	switch d.phase {
	case deviceJoined:
		d.report(out, LinkClosed)
	case deviceFailed:
	default:
		d.failed(failure(code, format, args...), out)
	}
}

func (d *Device) failed(f *Failure, out *Output) {
	d.phase = deviceFailed
	d.forget()
	out.Events = append(out.Events, Event{UUID: d.options.UUID, Link: d.linkID(), Step: Failed, Failure: f})
}

// forget clears the secrets of a finished attempt.
func (d *Device) forget() {
	d.secrets, d.session, d.prompt, d.knownKey = secrets{}, session{}, nil, nil
}

// reset prepares for the next link.
func (d *Device) reset(now time.Time) {
	d.counters = d.Counters()
	if l, advertised := d.link.(*advertisedLink); advertised {
		d.former, d.endedAt = l.id, now
	}
	d.link = nil
	if d.phase == deviceJoined {
		d.phase = deviceDone
		return
	}
	d.phase = awaitOpen
}

func (d *Device) send(now time.Time, pdu PDU, out *Output) {
	var buffer [maxTransaction]byte
	d.link.send(now, pdu.append(buffer[:0]), out)
}

func (d *Device) report(out *Output, step Step) {
	out.Events = append(out.Events, Event{UUID: d.options.UUID, Link: d.linkID(), Step: step})
}
