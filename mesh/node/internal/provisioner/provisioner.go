// Package provisioner is a node's part in provisioning (Mesh Protocol 1.1, chapter
// 5): as the provisioner, over its own radio, over a connection or through another
// node, and as the device. The protocol itself is that of
// mesh/provision.
//
//	Scanner       which devices wait, and where
//	Provisioner   a session for each device that is provisioned
//	RemoteClient  sessions that go through a Remote Provisioning Server
//	Device        this node, while it waits to be provisioned
//	PBADV         sends the PB-ADV PDUs
package provisioner

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/ivupdate"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/peers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// fewSessions is how many sessions do not have to share the radio's time.
const fewSessions = 2

// maxConnects is how often the connection to a device is tried: some fail although
// the device is there.
const maxConnects = 3

// Peers keeps the nodes of the network.
type Peers interface {
	Find(a mesh.Address) *peers.Peer
	Add(p state.Peer) error
	// Reserve takes unicast addresses for a node of so many elements.
	Reserve(elements int) (mesh.Address, error)
}

// Proxies is notified of a node that may be reachable over a proxy connection only.
type Proxies interface{ Welcome(a mesh.Address) }

// session is one provisioning that runs.
type session struct {
	*provision.Provisioner
	want     part.Provision
	address  mesh.Address // reserved for the device, unassigned until its elements are counted
	elements int          // that are reserved
	records  provision.Records
	remote   *remoteLink   // nil without Provision.Via
	connect  *part.Connect // over PB-GATT; nil for another bearer
	connects int           // how often it was tried
	ended    bool          // its outcome was reported
	turn
}

// Config is what provisioning works with.
type Config struct {
	Host    part.Host
	PBADV   *PBADV
	Scanner *Scanner
	Links   *gatt.Connections
	Peers   Peers
	Proxies Proxies
}

// Provisioner is the part of a node that provisions devices.
type Provisioner struct {
	part.None
	cfg      Config
	host     part.Host
	remote   *RemoteClient
	sessions []*session
	queue    []part.Provision // that wait for their turn
	looked   time.Time        // when it was last seen whose turn it is
	out      provision.Output
}

// Compile-time checks of what others use it as.
var (
	_ part.Flusher = (*Provisioner)(nil)
	_ gatt.User    = (*Provisioner)(nil)
)

// New makes the part, and the one for sessions through other nodes.
func New(cfg Config, requests Requests) (*Provisioner, *RemoteClient) {
	p := &Provisioner{cfg: cfg, host: cfg.Host}
	p.remote = &RemoteClient{host: cfg.Host, requests: requests, peers: cfg.Peers, sessions: p}
	return p, p.remote
}

// Begin begins to provision a device. Its steps and its end are reported as
// events.
func (p *Provisioner) Begin(w part.Provision) error {
	n := p.host.State()
	switch {
	case !n.IsProvisioned() || n.Subnet(w.NetKey) == nil:
		return part.ErrNotProvisioned
	case n.IVIndexUnknown:
		return ivupdate.ErrNoIVIndex
	}
	if err := p.free(w.UUID); err != nil {
		return err
	}
	if len(p.queue) > 0 || !p.room() {
		return p.enqueue(w)
	}
	return p.launch(w)
}

// launch begins a session.
func (p *Provisioner) launch(w part.Provision) error {
	options := provision.ProvisionerOptions{
		UUID:      w.UUID,
		Attention: w.Attention,
		Random:    p.host.Random(),
		Records:   w.Certificate.InRecords(),
	}
	s := &session{want: w}
	if err := p.chooseBearer(s, &options); err != nil {
		return err
	}
	if w.Via != mesh.Unassigned {
		if err := p.remote.prepare(s, &options); err != nil {
			return err
		}
	}
	return p.start(s, options)
}

// free returns why a session for a device cannot begin, nil if it can.
func (p *Provisioner) free(uuid mesh.UUID) error {
	if p.running(uuid) != nil || p.queued(uuid) >= 0 {
		return part.ErrProvisioning
	}
	return nil
}

// running finds the session of a device that has not ended, nil for none.
func (p *Provisioner) running(uuid mesh.UUID) *session {
	for _, s := range p.sessions {
		if s.want.UUID == uuid && !s.ended {
			return s
		}
	}
	return nil
}

// start opens the link of a session.
func (p *Provisioner) start(s *session, o provision.ProvisionerOptions) error {
	machine, err := provision.NewProvisioner(o)
	if err != nil {
		return fmt.Errorf("node: provisioning of %s cannot begin: %w", o.UUID, err)
	}
	s.Provisioner = machine
	s.began = p.host.Now()
	p.sessions = append(p.sessions, s)
	p.share()
	s.Open(p.host.Now(), p.output())
	p.connect(s)
	if s.remote != nil {
		p.remote.open(s)
	}
	return nil
}

// Abort ends the provisioning of a device. It reports false when none runs.
func (p *Provisioner) Abort(uuid mesh.UUID, reason string) bool {
	if p.dequeue(uuid, reason) {
		return true
	}
	s := p.running(uuid)
	if s == nil {
		return false
	}
	s.Abort(p.host.Now(), reason, p.output())
	return true
}

// Value takes the value that a session waits for. It reports false when
// no provisioning of the device runs.
func (p *Provisioner) Value(uuid mesh.UUID, value string) (found bool, err error) {
	s := p.running(uuid)
	if s == nil {
		return false, nil
	}
	return true, s.Input(p.host.Now(), value, p.output())
}

// Reserved lists the addresses of sessions that have not ended.
func (p *Provisioner) Reserved() []peers.Range {
	var list []peers.Range
	for _, s := range p.sessions {
		if s.address != mesh.Unassigned {
			list = append(list, peers.Range{First: s.address, Elements: s.elements})
		}
	}
	return list
}

// Inputs implements part.Part.
func (p *Provisioner) Inputs() part.Inputs { return part.Provisioning }

// Input implements part.Part.
func (p *Provisioner) Input(in *part.Input) bool {
	link, ok := provision.LinkOf(in.PDU)
	if !ok {
		p.host.CountMalformed()
		return true
	}
	s := p.session(link)
	if s == nil {
		return false
	}
	s.Receive(p.host.Now(), in.PDU, p.output())
	return true
}

// Tick implements part.Part.
func (p *Provisioner) Tick() {
	for _, s := range p.sessions {
		if deadline.Due(s.NextDeadline(), p.host.Now()) {
			s.Tick(p.host.Now(), p.output())
		}
	}
	p.admit()
}

// NextDeadline implements part.Part.
func (p *Provisioner) NextDeadline() time.Time {
	var next time.Time
	for _, s := range p.sessions {
		next = deadline.Earliest(next, s.NextDeadline())
	}
	return deadline.Earliest(next, p.nextTurn())
}

// output collects what the sessions want done.
func (p *Provisioner) output() *provision.Output {
	p.host.Wake(p)
	return &p.out
}

// Flush implements part.Flusher. It acts on what the sessions put out. Accepting a
// device puts out more, hence the loop.
func (p *Provisioner) Flush() {
	for len(p.out.Events)+len(p.out.Send)+len(p.out.Cancel)+len(p.out.Carry)+len(p.out.End) > 0 {
		out := p.out
		p.cfg.PBADV.Send(out.Cancel, out.Send)
		p.out = provision.Output{Cancel: out.Cancel[:0], Send: out.Send[:0]}
		for _, e := range out.Events {
			if s := p.session(e.Link); s != nil {
				p.event(s, e)
			}
		}
		p.carry(out.Carry, out.End)
	}
	p.drop()
}

// drop removes the sessions that are done.
func (p *Provisioner) drop() {
	kept := p.sessions[:0]
	for _, s := range p.sessions {
		if !s.Done() {
			kept = append(kept, s)
		}
	}
	if len(kept) < len(p.sessions) {
		clear(p.sessions[len(kept):])
		p.sessions = kept
		p.share()
	}
	p.admit()
}

// share lets the sessions send less often while there are many.
func (p *Provisioner) share() {
	for _, s := range p.sessions {
		s.Share(len(p.sessions) > fewSessions)
	}
}

// session finds the session of a link, nil for none.
func (p *Provisioner) session(link uint32) *session {
	for _, s := range p.sessions {
		if s.Link() == link {
			return s
		}
	}
	return nil
}

// event follows one session.
func (p *Provisioner) event(s *session, e provision.Event) {
	s.follow(e.Step)
	switch e.Step {
	case provision.RecordsGot:
		s.records = e.Records
		p.host.Report(part.ProvisioningStep{UUID: e.UUID, Step: string(e.Step)})
	case provision.CapabilitiesGot:
		p.host.Report(part.ProvisioningStep{UUID: e.UUID, Step: string(e.Step), Offers: e.Capabilities})
		if err := p.accept(s, e.Capabilities); err != nil {
			s.Reject(p.host.Now(), err, p.output())
		}
	case provision.Completed:
		s.ended = true
		p.host.Report(part.ProvisioningStep{UUID: e.UUID, Step: string(e.Step)})
		p.completed(s, e)
	case provision.Failed:
		s.ended = true
		if s.renews() {
			p.host.Report(part.RefreshDone{UUID: e.UUID, Err: e.Failure})
			return
		}
		p.host.Report(part.ProvisioningDone{UUID: e.UUID, Err: e.Failure})
	default:
		p.host.Report(part.ProvisioningStep{UUID: e.UUID, Step: string(e.Step), Prompt: e.Prompt, Start: e.Start})
	}
}

// completed notes the new node.
func (p *Provisioner) completed(s *session, e provision.Event) {
	peer := state.Peer{
		UUID:      e.UUID,
		Address:   e.Node.Address,
		Elements:  int(e.Node.Elements),
		NetKey:    e.Node.NetKey,
		DeviceKey: e.Node.DeviceKey,
	}
	if s.connect != nil {
		p.cfg.Proxies.Welcome(peer.Address)
	}
	if s.renews() {
		s.remote.renewed = &peer
		return
	}
	p.host.Report(part.ProvisioningDone{UUID: e.UUID, Peer: peer, Err: p.cfg.Peers.Add(peer)})
}

// accept gives the device its addresses and the present state of the network.
func (p *Provisioner) accept(s *session, offered *provision.Capabilities) error {
	n := p.host.State()
	key := n.Subnet(s.want.NetKey)
	if key == nil {
		return fmt.Errorf("node: the network key %d is gone", s.want.NetKey)
	}
	if err := s.expects(offered); err != nil {
		return err
	}
	if s.address == mesh.Unassigned {
		address, err := p.cfg.Peers.Reserve(int(offered.Elements))
		if err != nil {
			return err
		}
		s.address, s.elements = address, int(offered.Elements)
	}
	network := provision.Network{
		Key:        key.Sending(),
		Index:      key.Index,
		KeyRefresh: key.Phase == state.SecondPhase,
		IVUpdate:   n.IVUpdate,
		IVIndex:    n.IVIndex,
	}
	auth, err := s.authentication(offered, p.host.Now())
	if err != nil {
		return err
	}
	return s.Accept(p.host.Now(), provision.Acceptance{Network: network, Address: s.address, Auth: auth}, p.output())
}

// authentication is how a device with these capabilities is authenticated.
func (s *session) authentication(offered *provision.Capabilities, now time.Time) (provision.Auth, error) {
	auth := s.want.Auth
	if s.want.Policy != nil {
		var err error
		if auth, err = s.want.Policy.Choose(offered); err != nil {
			return auth, err
		}
	}
	if s.want.Certificate == nil {
		return auth, nil
	}
	records := s.records
	if !s.want.Certificate.InRecords() {
		records = s.want.Certificate.Records
	}
	key, err := records.Verify(s.want.UUID, s.want.Certificate.Anchors, now)
	auth.PublicKey = key
	return auth, err
}

// carry sends what sessions over a connection or through another node put out,
// and ends their links.
func (p *Provisioner) carry(pdus []provision.CarriedPDU, ends []provision.CarriedEnd) {
	for _, c := range pdus {
		switch s := p.session(c.Link); {
		case s == nil:
		case s.remote != nil:
			p.remote.carry(s, c.PDU)
		case s.connect != nil:
			if l := p.cfg.Links.Find(s.connect.ID); l != nil {
				p.cfg.Links.Write(l, proxy.ProvisioningPDU, c.PDU)
			}
		}
	}
	for _, e := range ends {
		switch s := p.session(e.Link); {
		case s == nil:
		case s.remote != nil:
			p.remote.end(s, e.Success)
		case s.connect != nil:
			if l := p.cfg.Links.Find(s.connect.ID); l != nil {
				p.cfg.Links.End(l)
			}
		}
	}
}

// chooseBearer decides what a device is provisioned over, and sets what the
// session needs for PB-GATT.
func (p *Provisioner) chooseBearer(s *session, o *provision.ProvisionerOptions) error {
	p.cfg.Scanner.want(s.want.UUID)
	d := p.cfg.Scanner.connection(s.want.UUID)
	advertises := p.cfg.Scanner.advertises(s.want.UUID)
	switch {
	case s.want.Via != mesh.Unassigned, s.want.Bearer == part.OnlyPBADV, s.want.Bearer == part.AnyBearer && (d == nil || advertises):
		return nil
	case d == nil:
		return part.ErrNotSighted
	}
	s.connect = &part.Connect{ID: p.cfg.Links.NextID(), Adapter: d.adapter, To: d.peer, Service: bearer.ProvisioningService}
	o.Bearer, o.Link = provision.PBGATT, uint32(s.connect.ID)
	return nil
}

// connect makes the connection of a session over PB-GATT.
func (p *Provisioner) connect(s *session) {
	if s.connect != nil {
		s.connects++
		p.cfg.Links.Connect(*s.connect, p)
	}
}

// sessionOf finds the session of a connection.
func (p *Provisioner) sessionOf(id bearer.LinkID) *session {
	for _, s := range p.sessions {
		if s.connect != nil && s.connect.ID == id {
			return s
		}
	}
	return nil
}

// Opened implements gatt.User.
func (p *Provisioner) Opened(l *gatt.Link) {
	if s := p.sessionOf(l.ID); s != nil {
		s.Connected(p.host.Now(), p.output())
	}
}

// Received implements gatt.User.
func (p *Provisioner) Received(l *gatt.Link, kind proxy.MessageType, message []byte) bool {
	if kind != proxy.ProvisioningPDU {
		return false
	}
	if s := p.sessionOf(l.ID); s != nil {
		s.ReceivePDU(p.host.Now(), message, p.output())
	}
	return true
}

// Closed implements gatt.User. A connection that could not be made is tried again.
func (p *Provisioner) Closed(l *gatt.Link, reason error) {
	s := p.sessionOf(l.ID)
	if s == nil {
		return
	}
	if l.WasOpen() || s.connects >= maxConnects {
		s.Disconnected(p.host.Now(), reason, p.output())
		return
	}
	s.connect.ID = p.cfg.Links.NextID()
	if d := p.cfg.Scanner.connectable[s.want.UUID]; d != nil {
		s.connect.To, s.connect.Adapter = d.peer, d.adapter
	}
	p.connect(s)
}
