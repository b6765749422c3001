package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// receiver is a node whose firmware is updated.
type receiver struct {
	*member
	*firmware.Updater
	address mesh.Address
	request node.RequestID
	respond mesh.Opcode
}

// updates runs several updaters with the gateway.
type updates struct {
	*pump
	gateway   *member
	registry  *access.Registry
	receivers []*receiver
}

func newUpdates(t *testing.T, receivers int) *updates {
	p := newPump(t)
	registry, err := access.NewRegistry(blob.Messages(), firmware.Messages())
	if err != nil {
		t.Fatal(err)
	}
	u := &updates{pump: p, gateway: p.addGateway(), registry: registry}
	for i := range receivers {
		m, uuid := p.addDevice(fmt.Sprintf("plug %d", i), node.DeviceOptions{}, func() []access.Element { return device.NewPlug().Elements() })
		peer := p.provision(u.gateway, uuid, provision.Auth{})
		p.setUp(u.gateway, peer)
		m.edit(func(n *state.Node) { n.Relay = state.Disabled }) // all hear each other
		u.receivers = append(u.receivers, &receiver{member: m, address: peer.Address})
	}
	return u
}

// image returns firmware that a virtual device accepts.
func image(size int, version byte) firmware.Update {
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{version})
	for i := range data {
		data[i] = byte(random.Uint64())
	}
	data[0] = version
	return firmware.Update{
		Object:   blob.Object{ID: blob.ID(version), Data: bytes.NewReader(data), Size: uint32(size)},
		Metadata: []byte{version},
		Firmware: firmware.ID{CompanyID: device.Company, Version: []byte{version}},
	}
}

func (u *updates) start(update firmware.Update) {
	for _, r := range u.receivers {
		r.Updater, r.request = firmware.NewUpdater(update), 0
	}
}

// run executes the updaters' steps until all are done, or stop returns true.
func (u *updates) run(limit time.Duration, stop func() bool) {
	u.Helper()
	end := u.now.Add(limit)
	for u.now.Before(end) {
		u.deliver()
		done := true
		for _, r := range u.receivers {
			u.serve(r)
			done = done && r.Done()
		}
		if done || stop != nil && stop() {
			return
		}
		u.step(u.now.Add(time.Second))
	}
	u.Fatalf("after %s not all updates have ended", limit)
}

// serve sends the next message of an updater.
func (u *updates) serve(r *receiver) {
	u.Helper()
	if r.request != 0 {
		return
	}
	ask, ok := r.Next(u.now)
	if !ok {
		return
	}
	payload, err := access.Append(nil, ask.Message)
	if err != nil {
		u.Fatal(err)
	}
	r.respond = ask.Respond
	r.request, err = u.gateway.Request(u.now, node.Request{Dst: r.address, TTL: mesh.DefaultTTL, Payload: payload, Respond: ask.Respond})
	if err != nil {
		u.Fatal(err)
	}
	u.carryOut(u.gateway)
}

// deliver passes received messages to the updaters.
func (u *updates) deliver() {
	u.Helper()
	events := u.gateway.events
	u.gateway.events = nil
	for _, e := range events {
		for _, r := range u.receivers {
			switch e := e.(type) {
			case node.RequestDone:
				if e.ID != r.request {
					continue
				}
				r.request = 0
				var m access.Message
				if e.Err == nil && r.respond != 0 {
					var err error
					if m, err = u.registry.DecodeParams(e.Response.Opcode, e.Response.Params); err != nil {
						u.Fatal(err)
					}
				}
				r.Answer(u.now, m, e.Err)
			case node.MessageReceived:
				var m blob.PartialBlockReport
				if e.Src == r.address && e.Opcode == blob.OpPartialBlockReport && access.Decode(e.Params, &m) == nil {
					r.Report(&m)
				}
			}
		}
	}
}

// runs returns the firmware ID that a node reports.
func (u *updates) runs(r *receiver) []byte {
	u.Helper()
	var status firmware.UpdateInformationStatus
	u.control(u.gateway, r.address, &firmware.UpdateInformationGet{EntriesLimit: 1}, &status)
	return status.Entries[0].FirmwareID.Version
}

// Six plugs are updated at once, in both transfer modes. Every tenth
// advertisement is lost.
func TestFirmwareUpdateOfManyNodes(t *testing.T) {
	u := newUpdates(t, 6)
	u.loss = 0.1
	for version, mode := range map[byte]blob.Mode{5: blob.Push, 6: blob.Pull} {
		update := image(5000, version)
		update.Mode, update.TimeoutBase = mode, 10
		u.start(update)
		began := u.now
		u.run(2*time.Hour, nil)
		for _, r := range u.receivers {
			if err := r.Err(); err != nil || r.Stage() != firmware.StageDone || r.Progress() != 5000 {
				t.Errorf("%s: %s, %v", r.name, r.Stage(), err)
			}
			if got := u.runs(r); !bytes.Equal(got, []byte{version}) {
				t.Errorf("%s runs %x", r.name, got)
			}
		}
		t.Logf("%s: six nodes in %s", mode, u.now.Sub(began).Round(time.Second))
	}
}

// After a restart the gateway continues the transfer at the node's position.
func TestFirmwareUpdateContinues(t *testing.T) {
	u := newUpdates(t, 1)
	r := u.receivers[0]
	update := image(20000, 7)
	u.start(update)
	u.run(time.Hour, func() bool { return r.Progress() > 9000 })
	if r.Done() {
		t.Fatal("the update was not interrupted")
	}
	u.pass(10 * time.Minute) // the transfer is suspended
	u.gateway.events = nil
	u.start(update)
	u.run(time.Hour, func() bool { return r.Stage() == firmware.StageTransferring && r.Progress() > 0 })
	if r.Progress() < 8192 {
		t.Errorf("the transfer started over: %d octets", r.Progress())
	}
	u.run(time.Hour, nil)
	if got := u.runs(r); r.Err() != nil || !bytes.Equal(got, []byte{7}) {
		t.Errorf("%v, runs %x", r.Err(), got)
	}
}

// A device that restarts in the middle keeps the received and the verified
// firmware, and the firmware it runs.
func TestFirmwareUpdateSurvivesARestart(t *testing.T) {
	for _, mode := range []blob.Mode{blob.Push, blob.Pull} {
		u := newUpdates(t, 1)
		r := u.receivers[0]
		update := image(20000, 7)
		update.Mode, update.Hold, update.TimeoutBase = mode, true, 10
		u.start(update)
		u.run(time.Hour, func() bool { return r.Progress() > 9000 })
		u.restart(r.member)
		u.run(time.Hour, func() bool { return r.Done() || r.Stage() == firmware.StageVerified })
		if r.Err() != nil || r.Stage() != firmware.StageVerified {
			t.Fatalf("%s: %s, %v", mode, r.Stage(), r.Err())
		}
		u.restart(r.member)
		var status firmware.UpdateStatus
		u.control(u.gateway, r.address, &firmware.UpdateGet{}, &status)
		if status.Phase != firmware.VerificationSucceeded {
			t.Errorf("%s: after a restart the node is %s", mode, status.Phase)
		}
		u.gateway.events = nil
		r.Apply()
		u.run(time.Hour, nil)
		u.restart(r.member)
		if got := u.runs(r); r.Err() != nil || !bytes.Equal(got, []byte{7}) {
			t.Errorf("%s: %v, runs %x", mode, r.Err(), got)
		}
	}
}

// After a restart the device continues the transfer, also with another updater.
func TestFirmwareUpdateContinuesAfterARestart(t *testing.T) {
	u := newUpdates(t, 1)
	r := u.receivers[0]
	update := image(20000, 7)
	u.start(update)
	u.run(time.Hour, func() bool { return r.Progress() > 9000 })
	u.restart(r.member)
	u.pass(time.Minute)
	u.gateway.events = nil
	u.start(update)
	u.run(time.Hour, func() bool { return r.Stage() == firmware.StageTransferring && r.Progress() > 0 })
	if r.Progress() < 8192 {
		t.Errorf("the transfer started over: %d octets", r.Progress())
	}
	u.run(time.Hour, nil)
	if got := u.runs(r); r.Err() != nil || !bytes.Equal(got, []byte{7}) {
		t.Errorf("%v, runs %x", r.Err(), got)
	}
}

func TestFirmwareUpdateIsRefused(t *testing.T) {
	u := newUpdates(t, 1)
	r := u.receivers[0]
	for name, c := range map[string]struct {
		change func(*firmware.Update)
		want   error
	}{
		"metadata":        {func(f *firmware.Update) { f.Metadata = nil }, firmware.ErrRefused},
		"image index":     {func(f *firmware.Update) { f.ImageIndex = 1 }, firmware.ErrNoImage},
		"the same":        {func(f *firmware.Update) { f.Firmware.Version = u.runs(r) }, firmware.ErrSame},
		"a bad image":     {func(f *firmware.Update) { f.Metadata = []byte{99} }, firmware.ErrVerify},
		"another version": {func(f *firmware.Update) { f.Firmware.Version = []byte{1, 2} }, firmware.ErrNotRun},
		"too large":       {func(f *firmware.Update) { f.Object.Size = 1 << 20 }, blob.ErrNoMatch},
	} {
		update := image(1000, 9)
		update.Object.ID, update.Firmware.Version = blob.ID(len(name))<<8, nil
		c.change(&update)
		u.start(update)
		u.run(time.Hour, nil)
		if !errors.Is(r.Err(), c.want) || r.Stage() != firmware.StageFailed {
			t.Errorf("%s: %v, %s", name, r.Err(), r.Stage())
		}
		u.start(update) // to cancel what is left of it
		r.Cancel()
		u.run(time.Hour, nil)
		if r.Stage() != firmware.StageCancelled || r.Err() != nil {
			t.Errorf("%s: cancelled: %s, %v", name, r.Stage(), r.Err())
		}
	}
}

func TestFirmwareUpdateIsCancelled(t *testing.T) {
	u := newUpdates(t, 1)
	r := u.receivers[0]
	u.start(image(20000, 8))
	u.run(time.Hour, func() bool { return r.Progress() > 5000 })
	r.Cancel()
	u.run(time.Hour, nil)
	var status firmware.UpdateStatus
	u.control(u.gateway, r.address, &firmware.UpdateGet{}, &status)
	if r.Stage() != firmware.StageCancelled || status.Phase != firmware.Idle {
		t.Errorf("%s, the node is %s", r.Stage(), status.Phase)
	}
}

// Six nodes receive each chunk by one group message. Every twentieth
// advertisement is lost.
func TestFirmwareIsSentToAGroup(t *testing.T) {
	u := newUpdates(t, 6)
	u.loss = 0.05
	const group mesh.Address = 0xFEFF
	update := image(5000, 4)
	update.Shared, update.TimeoutBase = true, 30
	u.start(update)
	u.run(time.Hour, func() bool {
		for _, r := range u.receivers {
			if r.Client() == nil {
				return false
			}
		}
		return true
	})
	clients := make([]*blob.Client, len(u.receivers))
	for i, r := range u.receivers {
		clients[i] = r.Client()
		var status configuration.ModelSubscriptionStatus
		u.ask(u.gateway, node.Request{Dst: r.address, Key: transport.Key{Device: r.address}}, &configuration.ModelSubscriptionAdd{
			ElementAddress: r.address, Address: group, ModelIdentifier: blob.TransferServerID,
		}, &status)
		u.success("Subscription Add", status.Status)
	}
	convoy, chunks := blob.NewMulticastTransfer(clients...), 0
	for !convoy.Done() {
		for _, a := range convoy.Next(u.now) {
			dst := u.receivers[a.To[0]].address
			if len(a.To) > 1 {
				dst = group
			}
			if a.Respond == 0 {
				chunks++
			}
			m, err := u.await(dst, a.Ask)
			for _, i := range a.To {
				convoy.Answer(u.now, i, m, err)
			}
		}
	}
	u.run(time.Hour, nil)
	for _, r := range u.receivers {
		if got := u.runs(r); r.Err() != nil || !bytes.Equal(got, []byte{4}) {
			t.Errorf("%s: %v, runs %x", r.name, r.Err(), got)
		}
	}
	if alone := 6 * 14; chunks > alone/2 {
		t.Errorf("%d chunks were sent, %d with unicast", chunks, alone)
	}
}

// await sends a message and waits for the result.
func (u *updates) await(dst mesh.Address, ask blob.Ask) (access.Message, error) {
	u.Helper()
	payload, err := access.Append(nil, ask.Message)
	if err != nil {
		u.Fatal(err)
	}
	id, err := u.gateway.Request(u.now, node.Request{Dst: dst, TTL: mesh.DefaultTTL, Payload: payload, Respond: ask.Respond})
	if err != nil {
		u.Fatal(err)
	}
	u.carryOut(u.gateway)
	done := await(u.pump, u.gateway, 5*time.Minute, func(e node.RequestDone) bool { return e.ID == id })
	if done.Err != nil || ask.Respond == 0 {
		return nil, done.Err
	}
	m, err := u.registry.DecodeParams(done.Response.Opcode, done.Response.Params)
	if err != nil {
		u.Fatal(err)
	}
	return m, nil
}
