package node_test

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file prints an Output in the order in which it is carried out.

// print is called with each output before it is carried out.
func (s *scenario) print(m *member, out *node.Output) {
	s.analyst.learn(m)
	for _, e := range out.Report {
		s.reports = append(s.reports, m.name+" "+typeName(e))
	}
	lines := s.outputLines(m, out)
	s.reserved(m, out)
	if s.silent || len(lines) == 0 || s.of != nil && !slices.Contains(s.of, m.name) {
		return
	}
	s.say("%s %s", s.since(s.now), m.name)
	s.lines = append(s.lines, lines...)
}

// reserved fails when a node sends a PDU whose sequence number is not covered by the
// reserve that is in the store by then.
func (s *scenario) reserved(m *member, out *node.Output) {
	stored, err := m.store.Get(node.TableNode, "sequence")
	for _, c := range out.Persist {
		if c.Table == node.TableNode && c.Key == "sequence" {
			stored, err = c.Value, nil
		}
	}
	n := m.State()
	for i := range out.Send {
		var p network.PDU
		o := &out.Send[i]
		if o.Kind != bearer.Message || s.analyst.receiver(n.IVIndex).Open(o.PDU(), &p) != network.Fresh || n.Element(p.Src) == nil {
			continue
		}
		const size = 8 // IV index and limit
		if err != nil || len(stored) < size {
			s.t.Errorf("%s sends and has no reserve in its store: %v", m.name, err)
			return
		}
		iv, limit := mesh.IVIndex(binary.BigEndian.Uint32(stored)), mesh.SequenceNumber(binary.BigEndian.Uint32(stored[4:]))
		if p.IVIndex == iv && p.Seq >= limit {
			s.t.Errorf("%s sends number %d and has reserved those below %d", m.name, p.Seq, limit)
		}
	}
}

// outputLines gives a line for each thing that is to be done and shown. All of
// it is decoded, for what is not shown may have to do with what is.
func (s *scenario) outputLines(m *member, out *node.Output) (lines []string) {
	add := func(kind, format string, args ...any) {
		if s.shows(kind) {
			label := kind
			if kind == "message" || kind == "beacon" || kind == "provisioning" || kind == "solicitation" {
				label = "send"
				format = kind + " " + format
			}
			lines = append(lines, fmt.Sprintf("  %-8s", label)+fmt.Sprintf(format, args...))
		}
	}
	for _, e := range out.Replay {
		add("replay", "%s seq=%d iv=%d", e.Src, e.Seq, e.IVIndex)
	}
	if len(out.Persist) > 0 {
		var keys []string
		for _, c := range out.Persist {
			key := string(c.Table) + "/" + s.nameOf(c.Key)
			if c.Value == nil {
				key = "-" + key
			}
			keys = append(keys, key)
		}
		add("persist", "%s", strings.Join(keys, " "))
	}
	if out.ForgetReplay {
		add("replay", "forget all other entries")
	}
	for _, l := range out.Cancel {
		add("cancel", "%s", laneName(l))
	}
	for i := range out.Send {
		o := &out.Send[i]
		add(o.Kind.String(), "%s", s.analyst.outgoing(m, o))
	}
	for _, a := range out.GATT {
		add("gatt", "%s", s.action(m, a))
	}
	for _, e := range out.Report {
		if _, message := e.(node.MessageReceived); !message && s.shows("event") {
			lines = append(lines, "  report  "+s.event(e))
			continue
		}
		add("report", "%s", s.event(e))
	}
	return lines
}

// laneName names a lane as the radio has it.
func laneName(l bearer.Lane) string {
	switch l.Kind() {
	case 0:
		return "own"
	case 1:
		return fmt.Sprintf("relay of %04x", uint64(l)&0xFFFF)
	case 2:
		return fmt.Sprintf("link %08x", uint64(l)&0xFFFFFFFF)
	default:
		return "beacons"
	}
}

// nameOf puts the name of a node in the place of its UUID.
func (s *scenario) nameOf(key string) string {
	uuid, err := mesh.ParseUUID(key)
	if err != nil {
		return key
	}
	return s.deviceName(uuid)
}

func (s *scenario) deviceName(uuid mesh.UUID) string {
	for _, m := range s.members {
		if m.State().UUID == uuid {
			return m.name
		}
	}
	return strings.TrimRight(string(uuid[:]), "\x00")
}

// peerName is the node at the other end of a connection.
func (s *scenario) peerName(p bearer.Peer) string {
	if s.gatt != nil {
		for _, r := range s.gatt.radios {
			if r.peer == p && r.member != nil {
				return r.member.name
			}
		}
	}
	return p.String()
}

func typeName(v any) string { return reflect.TypeOf(v).Name() }

// action is something to be done with the GATT bearer.
func (s *scenario) action(m *member, a node.GATTAction) string {
	switch a := a.(type) {
	case node.Connect:
		return fmt.Sprintf("connect %s to %s: %s", linkText(a.ID), s.peerName(a.To), a.Service)
	case node.Disconnect:
		return "disconnect " + linkText(a.ID)
	case node.Write:
		var sar proxy.Reassembly
		for _, pdu := range a.PDUs {
			if kind, message, complete := sar.Receive(s.now, pdu); complete {
				return fmt.Sprintf("write %s %s %s", linkText(a.ID), kind, s.analyst.overGATT(m, kind, message))
			}
		}
		return fmt.Sprintf("write %s something that is no message", linkText(a.ID))
	case node.Advertise:
		if len(a.All) == 0 {
			return "advertise nothing"
		}
		var all []string
		for _, b := range a.All {
			what := b.Service.String()
			if t, ok := proxy.TypeOf(b.Data); ok && b.Service == bearer.ProxyService {
				what += ", " + t.String()
			}
			if b.Private {
				what += " (private address)"
			}
			all = append(all, what)
		}
		return "advertise " + strings.Join(all, "; ")
	default:
		return fmt.Sprintf("%T", a)
	}
}

// linkText is the number of a connection; those that others made count from in1.
func linkText(id bearer.LinkID) string {
	if id >= bearer.FirstIncoming {
		return fmt.Sprintf("in%d", id-bearer.FirstIncoming+1)
	}
	return fmt.Sprintf("out%d", id)
}

// event is a report with what matters of it.
func (s *scenario) event(e node.Event) string {
	name := typeName(e)
	failed := func(err error) string {
		if err == nil {
			return ""
		}
		return ": " + err.Error()
	}
	switch e := e.(type) {
	case node.MessageReceived:
		key := fmt.Sprintf("app=%d", e.AppKey)
		if e.DeviceKey {
			key = "device"
		}
		return fmt.Sprintf("%s %s>%s ttl=%d %s %s", name, e.Src, e.Dst, e.TTL, key, s.analyst.message(e.Opcode, e.Params))
	case node.HeartbeatReceived:
		return fmt.Sprintf("%s %s>%s hops=%d features=%04x", name, e.Src, e.Dst, e.Hops, e.Features)
	case node.DeviceHeard:
		text := fmt.Sprintf("%s %s over %s", name, s.deviceName(e.UUID), e.Bearer)
		if e.Via != mesh.Unassigned {
			text += " of " + e.Via.String()
		}
		return text
	case node.ProvisioningStep:
		text := fmt.Sprintf("%s %s %s", name, s.deviceName(e.UUID), e.Step)
		if e.Prompt != nil {
			text += fmt.Sprintf(" (%s)", e.Prompt)
			if e.Prompt.Value != "" {
				text += " value=" + e.Prompt.Value
			}
		}
		return text
	case node.ProvisioningDone:
		return fmt.Sprintf("%s %s%s%s", name, s.deviceName(e.UUID), peerText(&e.Peer), failed(e.Err))
	case node.RefreshDone:
		return fmt.Sprintf("%s %s%s%s", name, s.deviceName(e.UUID), peerText(&e.Peer), failed(e.Err))
	case node.RequestDone:
		text := fmt.Sprintf("%s %d attempts=%d rtt=%s", name, e.ID, e.Response.Attempts, e.Response.RTT.Round(1e6))
		if e.Response.Opcode != 0 {
			text += " " + s.analyst.message(e.Response.Opcode, e.Response.Params)
		}
		return text + failed(e.Err)
	case node.Joined:
		return fmt.Sprintf("%s %s net=%d", name, e.Address, e.NetKey)
	case node.IVIndexChanged:
		return fmt.Sprintf("%s iv=%d update=%t", name, e.IVIndex, e.Update)
	case node.KeyRefreshChanged:
		return fmt.Sprintf("%s net=%d phase=%s", name, e.NetKey, phaseName(e.Phase))
	case node.FriendshipChanged:
		text := fmt.Sprintf("%s low power node %s, friend %s: ", name, e.LPN, e.Friend)
		if e.Established {
			return text + "established"
		}
		return text + "ended, " + e.Reason
	case node.ProxyConnected:
		return fmt.Sprintf("%s %s at %s net=%d", name, e.Node, s.peerName(e.Peer), e.NetKey)
	case node.ProxyLost:
		return fmt.Sprintf("%s %s%s", name, e.Node, failed(e.Err))
	case node.ProxyFailed:
		return fmt.Sprintf("%s at %s failures=%d wait=%s%s", name, s.peerName(e.Peer), e.Failures, e.Wait, failed(e.Err))
	case node.ResetRefused:
		return fmt.Sprintf("%s by=%s", name, e.By)
	case node.IVIndexClaimed:
		return fmt.Sprintf("%s iv=%d update=%t contradicted=%t", name, e.IVIndex, e.Update, e.Contradicted)
	case node.SourceSilenced:
		return fmt.Sprintf("%s %s listed=%d heard=%d refused=%d since=%s", name, e.Src, e.Listed.Seq, e.Heard.Seq, e.Refused, s.since(e.Since))
	case node.OwnAddressHeard:
		return fmt.Sprintf("%s %s seq=%d iv=%d next=%d skipped=%t old=%t count=%d", name, e.Src, e.Seq, e.IVIndex, e.Next, e.Skipped, e.Old, e.Count)
	case node.KeyRefreshHeld:
		return fmt.Sprintf("%s net=%d", name, e.NetKey)
	case node.ConfigurationRefused:
		return fmt.Sprintf("%s by=%s %s", name, e.By, s.analyst.message(e.Opcode, e.Params))
	case node.KeysGiven:
		return fmt.Sprintf("%s by=%s %s", name, e.By, s.analyst.registry.Name(e.Opcode))
	case node.Faulted:
		return name + failed(e.Err)
	default:
		return name
	}
}

func peerText(p *state.Peer) string {
	if p.Address == mesh.Unassigned {
		return ""
	}
	return fmt.Sprintf(" %s with %d elements", p.Address, p.Elements)
}

func phaseName(p state.Phase) string {
	return [...]string{"normal", "1", "2"}[p]
}

// printState prints what is configured on a node, without its keys.
func (s *scenario) printState() error {
	m, err := s.subject()
	if err != nil {
		return err
	}
	n := m.State()
	if !n.IsProvisioned() {
		s.say("unprovisioned, %d network keys, %d application keys", len(n.Subnets), len(n.AppKeys))
		return nil
	}
	s.say("%s iv=%d update=%t ttl=%d sequence numbers used: %d", n.Address, n.IVIndex, n.IVUpdate, n.DefaultTTL, int(mesh.MaxSequenceNumber)+1-m.SequenceLeft())
	names := []string{"off", "on", "unsupported"}
	s.say("relay %s, proxy %s, friend %s, low power %t", names[n.Relay], names[n.Proxy], names[n.Friend], n.LowPower)
	models := 0
	for i := range n.Elements {
		models += len(n.Elements[i].Models)
	}
	s.say("%d elements with %d models", len(n.Elements), models)
	for _, k := range n.Subnets {
		s.say("network key %d: phase %s", k.Index, phaseName(k.Phase))
	}
	for _, k := range n.AppKeys {
		updated := ""
		if k.Updated {
			updated = ", has a new key"
		}
		s.say("application key %d of network key %d%s", k.Index, k.NetKey, updated)
	}
	return nil
}

// printCounters prints the counters that are not zero, or those that are named.
func (s *scenario) printCounters() error {
	m, err := s.subject()
	if err != nil {
		return err
	}
	only, named := s.d.Arg("only")
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			name := prefix + v.Type().Field(i).Name
			switch f := v.Field(i); {
			case f.Kind() == reflect.Struct:
				walk(name+".", f)
			case named && slices.Contains(only.Vals, name), !named && !f.IsZero():
				s.say("%s %v", name, f.Interface())
			}
		}
	}
	walk("", reflect.ValueOf(m.Counters()))
	return nil
}

// printPeers prints the nodes that a node knows, and the addresses that it does
// not give out yet.
func (s *scenario) printPeers() error {
	m, err := s.subject()
	if err != nil {
		return err
	}
	for _, p := range m.Peers() {
		s.say("%s %s with %d elements", p.Address, s.deviceName(p.UUID), p.Elements)
	}
	for _, e := range m.Exclusions() {
		s.say("%s with %d elements is excluded since iv=%d", e.Address, e.Elements, e.IVIndex)
	}
	return nil
}
