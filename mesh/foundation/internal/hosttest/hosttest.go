// Package hosttest provides a node for the tests of the foundation servers: two
// elements, two subnets, two AppKeys, and a count of the calls of the server.
//
//	Step ──request──▶ server ──answer──▶ compared with Step.Answer
//	                    │
//	                    └──Changed, Reset──▶ Host ──▶ Step.Check
package hosttest

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Addresses: two elements of the host, and one that it does not have.
const (
	First   mesh.Address = 0x0005
	Second  mesh.Address = 0x0006
	Another mesh.Address = 0x0007
)

// Models: OnOff is on the first element, Level and Vendor on the second,
// Missing on neither.
const (
	OnOff   = mesh.ModelID(0xFFFF1000)
	Level   = mesh.ModelID(0xFFFF1002)
	Missing = mesh.ModelID(0xFFFF1300)
	Vendor  = mesh.ModelID(0x00590001)
)

// Host is the test node. It implements foundation.Host.
type Host struct {
	Node    state.Node
	Changes int // calls of Edit that changed something
	Resets  int // calls of Reset
}

var _ foundation.Host = (*Host)(nil)

// New makes a host.
func New() *Host {
	return &Host{Node: state.Node{
		Address:    First,
		DefaultTTL: 10,
		Relay:      state.Enabled,
		Proxy:      state.Unsupported,
		Friend:     state.Unsupported,
		Subnets:    []state.Subnet{{Index: 0, Key: crypto.Key{1}}, {Index: 7, Key: crypto.Key{2}}},
		AppKeys:    []state.AppKey{{Index: 0, NetKey: 0, Key: crypto.Key{3}}, {Index: 1, NetKey: 7, Key: crypto.Key{4}}},
		Elements: []state.Element{
			{Location: 0x0106, Models: []state.Model{{ID: foundation.ConfigurationServerID}, {ID: foundation.HealthServerID}, {ID: OnOff}}},
			{Models: []state.Model{{ID: Level}, {ID: Vendor}}},
		},
	}}
}

// State implements foundation.Host.
func (h *Host) State() *state.Node { return &h.Node }

// Edit implements foundation.Host.
func (h *Host) Edit(change func(*state.Node) bool) {
	if change(&h.Node) {
		h.Changes++
	}
}

// Reset implements foundation.Host. It returns an error, which the servers must
// tolerate.
func (h *Host) Reset() error {
	h.Resets++
	return errors.New("the test's host cannot be reset")
}

// Model finds a model of the host by the index of its element.
func (h *Host) Model(element int, id mesh.ModelID) *state.Model {
	return h.Node.Elements[element].Model(id)
}

// Step is a request, the expected answer, and a check after it.
type Step = struct {
	Name   string
	Send   access.Message
	Answer access.Message // nil: no answer
	Check  func(h *Host) bool
}

// Play sends requests to a server, one after the other. It fails the test if an
// answer or a check is wrong, and if the state of the host changed without a
// call of Edit.
func Play(t *testing.T, h *Host, s access.Model, steps []Step) {
	t.Helper()
	b := servertest.New(t, s)
	for _, step := range steps {
		before, err := h.Node.Encode()
		if err != nil {
			t.Fatal(err)
		}
		changes := h.Changes
		answer := b.Send(step.Send)
		if !reflect.DeepEqual(answer, step.Answer) && !(answer == nil && step.Answer == nil) {
			t.Errorf("%s: got %+v, expected %+v", step.Name, answer, step.Answer)
		}
		if step.Check != nil && !step.Check(h) {
			t.Errorf("%s: unexpected state of the node: %+v", step.Name, h.Node)
		}
		if after, err := h.Node.Encode(); err != nil || h.Changes == changes && !bytes.Equal(before, after) {
			t.Errorf("%s: the state changed without a call of Edit", step.Name)
		}
	}
}
