package node_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file is the inputs of a script that come from the owner of a node.

// messageInput is the message in the input of a command, and its payload: the
// name that the specification gives it, and its fields as JSON.
func (s *scenario) messageInput() []byte {
	text := strings.TrimSpace(s.d.Input)
	name, fields := text, ""
	if i := strings.IndexByte(text, '{'); i >= 0 {
		name, fields = strings.TrimSpace(text[:i]), text[i:]
	}
	for _, index := range []mesh.KeyIndex{0, 1} { // keys by name, for nobody types them
		fields = strings.ReplaceAll(fields, fmt.Sprintf("new-key-%d", index), fmt.Sprintf("%x", newKeyOf(index).Reveal()))
		fields = strings.ReplaceAll(fields, fmt.Sprintf("network-key-%d", index), fmt.Sprintf("%x", netKeyOf(index).Reveal()))
		fields = strings.ReplaceAll(fields, fmt.Sprintf("application-key-%d", index), fmt.Sprintf("%x", appKeyOf(index).Reveal()))
	}
	m, err := s.analyst.registry.FromJSON(name, []byte(fields))
	if err != nil {
		s.d.Fatalf(s.t, "expected a message in the input: %v", err)
	}
	payload, err := access.Append(nil, m)
	if err != nil {
		s.d.Fatalf(s.t, "%s: %v", name, err)
	}
	return payload
}

// destination is an address, or the primary element of a node.
func (s *scenario) destination(text string) mesh.Address {
	if m, err := s.member(text); err == nil {
		return m.Address()
	}
	a, err := mesh.ParseAddress(text)
	if err != nil {
		s.d.Fatalf(s.t, "expected an address or a node: %v", err)
	}
	return a
}

// request asks something of another node: "request gateway to=plug [device]
// [answer=Name_of_the_Status] [attempts=3]". A message whose name ends in Get or
// Set is answered by its Status unless answer=none.
func (s *scenario) request() error {
	return s.on(func(m *member) error {
		payload := s.messageInput()
		r := node.Request{Payload: payload, TTL: mesh.DefaultTTL, Dst: s.destination(s.arg("to", ""))}
		if _, byDevice := s.d.Arg("device"); byDevice {
			r.Key = transport.Key{Device: r.Dst}
		}
		app, _ := strconv.Atoi(s.arg("app", "0"))
		r.Key.App = mesh.KeyIndex(app)
		op, _, err := access.ParseOpcode(payload)
		if err != nil {
			return err
		}
		answer := s.arg("answer", strings.ReplaceAll(statusOf(s.analyst.registry.Name(op)), " ", "_"))
		if kind, ok := s.analyst.registry.ByName(answer); ok {
			r.Respond = kind.Opcode
		} else if answer != "none" && answer != "" {
			s.d.Fatalf(s.t, "there is no message %q", answer)
		}
		r.Attempts, _ = strconv.Atoi(s.arg("attempts", "0"))
		flow, _ := strconv.Atoi(s.arg("flow", "0"))
		r.Flow = node.Flow(flow)
		for class := node.ClassCommand; class.String() != s.arg("class", r.Class.String()); class++ {
			if r.Class = class + 1; r.Class >= node.Classes {
				s.d.Fatalf(s.t, "there is no class %q", s.arg("class", ""))
			}
		}
		id, err := m.Request(s.now, r)
		if err == nil {
			s.say("request %d", id)
		}
		return err
	})
}

// statusOf is the name of the message that answers one.
func statusOf(name string) string {
	for _, verb := range []string{" Get", " Set"} {
		if base, ok := strings.CutSuffix(name, verb); ok {
			return base + " Status"
		}
	}
	for question, answer := range map[string]string{
		"Config AppKey": "Config AppKey Status", "Config NetKey": "Config NetKey Status", "Config Node Reset": "Config Node Reset Status",
		"Config Model App": "Config Model App Status", "Config Key Refresh Phase": "Config Key Refresh Phase Status",
		"Config Model Subscription": "Config Model Subscription Status", "Config Model Publication": "Config Model Publication Status",
	} {
		if strings.HasPrefix(name, question) {
			return answer
		}
	}
	return ""
}

// cancel ends a request: "cancel gateway id=1".
func (s *scenario) cancel() error {
	return s.on(func(m *member) error {
		id, err := strconv.Atoi(s.arg("id", ""))
		m.CancelRequest(s.now, node.RequestID(id))
		return err
	})
}

func uuidOf(name string) (uuid mesh.UUID) {
	copy(uuid[:], name)
	return uuid
}

// provisionDevice takes a device in: "provision gateway device=plug [via=server]
// [over=pb-gatt] [static-oob=...] [any-method]".
func (s *scenario) provisionDevice() error {
	return s.on(func(m *member) error {
		p := node.Provision{UUID: uuidOf(s.arg("device", ""))}
		if oob := s.arg("static-oob", ""); oob != "" {
			p.Auth = provision.Auth{Method: provision.StaticOOB, Value: []byte(oob)}
		}
		if s.has("any-method") {
			p.Policy = &provision.Policy{Allowed: provision.AllMethods}
		}
		if s.arg("over", "") == "pb-gatt" {
			p.Bearer = node.OnlyPBGATT
		}
		if via := s.arg("via", ""); via != "" {
			p.Via = s.destination(via)
		}
		return m.Provision(s.now, p)
	})
}

// abort ends a provisioning: "abort gateway device=plug".
func (s *scenario) abort() error {
	return s.on(func(m *member) error {
		if !m.AbortProvisioning(s.now, uuidOf(s.arg("device", "")), "no longer wanted") {
			return errors.New("no provisioning runs")
		}
		return nil
	})
}

// value is a value that a provisioning waits for: "value gateway device=plug is=1234".
func (s *scenario) value() error {
	return s.on(func(m *member) error {
		return m.ProvisioningInput(s.now, uuidOf(s.arg("device", "")), s.arg("is", ""))
	})
}

// refreshNode renews something on a node: "refresh gateway node=plug what=address".
func (s *scenario) refreshNode() error {
	return s.on(func(m *member) error {
		what, ok := map[string]remoteprovisioning.RefreshProcedure{
			"device-key": remoteprovisioning.RefreshDeviceKey, "address": remoteprovisioning.RefreshNodeAddress,
			"composition": remoteprovisioning.RefreshComposition,
		}[s.arg("what", "")]
		if !ok {
			s.d.Fatalf(s.t, "expected what=device-key, address or composition")
		}
		return m.Refresh(s.now, node.Refresh{Address: s.destination(s.arg("node", "")), Procedure: what})
	})
}

// press presses the button that a node is.
func (s *scenario) press() error {
	return s.on(func(m *member) error {
		if b := s.buttons[m.name]; b == nil || !m.WithModel(s.now, device.Primary, generic.OnOffClientID, b.Press) {
			s.d.Fatalf(s.t, "%s is no button", m.name)
		}
		return nil
	})
}

// toggle is somebody switching a plug by hand.
func (s *scenario) toggle() error {
	return s.on(func(m *member) error {
		if p := s.plugs[m.name]; p == nil || !m.WithModel(s.now, device.Primary, generic.OnOffServerID, p.Toggle) {
			s.d.Fatalf(s.t, "%s is no plug", m.name)
		}
		return nil
	})
}

// editNode changes the configuration: each word behind the name is a setting.
func (s *scenario) editNode() error {
	return s.on(func(m *member) error {
		var failed error
		m.edit(func(n *state.Node) {
			for _, a := range s.d.CmdArgs[1:] {
				switch {
				case a.Key == "show" || a.Key == "of":
				case a.Key == "revoke":
					n.RevokeOldKeys(n.Subnet(0))
				default:
					failed = errors.Join(failed, setting(a.Key+value(a.Vals), n))
				}
			}
		})
		if failed != nil {
			s.d.Fatalf(s.t, "%v", failed)
		}
		return nil
	})
}

// ivUpdate is "iv-update gateway begin", end, test-mode, or "missing node=plug".
func (s *scenario) ivUpdate() error {
	return s.on(func(m *member) error {
		switch s.d.CmdArgs[1].Key {
		case "begin":
			return m.BeginIVUpdate(s.now)
		case "end":
			return m.EndIVUpdate(s.now)
		case "test-mode":
			m.SetIVTestMode(s.now, true)
			return nil
		case "missing": // "iv-update gateway missing node=plug": asks who has not followed
			missing, err := m.NotFollowed(s.now, []mesh.Address{s.destination(s.arg("node", ""))})
			if err == nil {
				s.say("missing %v", missing)
			}
			return err
		}
		s.d.Fatalf(s.t, "expected begin, end or test-mode")
		return nil
	})
}

// forget drops a node that has left: "forget gateway node=plug".
func (s *scenario) forget() error {
	return s.on(func(m *member) error {
		m.Forget(s.now, uuidOf(s.arg("node", "")))
		return nil
	})
}

func (s *scenario) leaveFriend() error {
	return s.on(func(m *member) error {
		m.LeaveFriend(s.now)
		return nil
	})
}

// identify lets a node advertise its Node Identity.
func (s *scenario) identify() error {
	return s.on(func(m *member) error {
		m.SetNodeIdentity(s.now, mesh.PrimaryNetKey, true)
		return nil
	})
}

// restartNode ends a node as a power cut does, and starts it from its store.
func (s *scenario) restartNode() error {
	m, err := s.subject()
	if err != nil {
		return err
	}
	s.pump.restart(m)
	return nil
}

// resetNode takes a node out of its network, as its owner does.
func (s *scenario) resetNode() error { return s.on(func(m *member) error { return m.Reset() }) }

// skipSequence restarts a node as one that has used so many sequence numbers.
func (s *scenario) skipSequence() error {
	m, err := s.subject()
	if err != nil {
		return err
	}
	age, err := time.ParseDuration(s.arg("age", "0s"))
	if err != nil {
		return err
	}
	skipped, err := node.JumpSequence(m.store, age)
	if err != nil {
		s.say("error: %v", err)
		return nil
	}
	s.say("%d sequence numbers are skipped", skipped)
	s.pump.restart(m)
	return nil
}

// program gives a node another program from its next start on.
func (s *scenario) program() error {
	m, err := s.subject()
	if err != nil {
		return err
	}
	m.elements = s.programs(m.name)[s.d.CmdArgs[1].Key]
	s.say("ok")
	return nil
}

// batch does several inputs of a node before its output is taken once:
// "request NAME" and "reset", one a line.
func (s *scenario) batch() error {
	return s.on(func(m *member) error {
		m.Take() // what was taken is void with the next input
		for _, line := range strings.Split(s.d.Input, "\n") {
			switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); word {
			case "reset":
				if err := m.Reset(); err != nil {
					return err
				}
			case "tick":
				m.Tick(s.now)
			case "edit":
				m.edit(func(n *state.Node) { _ = setting(rest, n) })
			default:
				s.d.Fatalf(s.t, "unknown input %q", word)
			}
		}
		return nil
	})
}
