package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestRefresh has the service and a node of BlueZ's go together to other keys and
// to another IV index.
func TestRefresh(t *testing.T) {
	guest{stack: true, parts: []part{
		{"keys", testServiceRefreshes},
		{"iv_index", testServiceUpdatesIV},
		{"in_their_network", testServiceFollows},
	}}.test(t)
}

// spent is the first sequence number at which BlueZ begins an IV Update: half of
// them are used.
const spent mesh.SequenceNumber = 0x800001

// newPair is BlueZ's provisioner with a plug of ours that it has configured.
func newPair(t *testing.T, room *room) (b *provisioner, p *plug, at mesh.Address) {
	t.Helper()
	theirs, ours := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	b = newProvisioner(t, theirs.name(), bluez.Provisioning{})
	p = newPlug(t, ours.address(), 1, node.DeviceOptions{})
	at = b.take(p.uuid, 1)
	b.giveKey(at, onOffServer)
	b.configure(at, "Model Publication Status",
		octets(append(octets([]byte{0x03}, uint16(at), uint16(provisionerAddress), uint16(appKey)), 0xFF, 0, 0), onOffServer), 0x80, 0x19, 0)
	b.command(at, at, 1)
	return b, p, at
}

// refresh gives nodes other keys, from phase to phase: told by messages, or for
// them to see it in the beacons of BlueZ's own node. in is called in each phase.
func (b *provisioner) refresh(nodes []mesh.Address, told bool, in func(state.Phase)) {
	b.t.Helper()
	// What the daemon manages is not what its own node has.
	b.must(b.node.UpdateSubnet(homeKey))
	b.must(b.node.UpdateAppKey(appKey))
	all := append(slices.Clone(nodes), provisionerAddress)
	for _, to := range all {
		b.ask(to, "NetKey Status", func() error { return b.node.AddNetKey(to, homeKey, homeKey, true) }, 0x80, 0x44, 0)
		b.ask(to, "AppKey Status", func() error { return b.node.AddAppKey(to, appKey, homeKey, true) }, 0x80, 0x03, 0)
	}
	in(state.FirstPhase)
	for _, s := range []struct {
		transition byte
		phase      state.Phase
	}{{2, state.SecondPhase}, {3, state.NormalOperation}} {
		for _, to := range all {
			if to == provisionerAddress || told {
				b.configure(to, "Key Refresh Phase Status", append(octets([]byte{0x80, 0x16}, uint16(homeKey)), s.transition),
					append(octets([]byte{0x80, 0x17, 0}, uint16(homeKey)), byte(s.phase))...)
			}
		}
		b.must(b.node.SetKeyPhase(homeKey, s.transition))
		in(s.phase)
	}
}

// keys are those that BlueZ manages.
func (b *provisioner) keys() (net, app crypto.Key) {
	b.t.Helper()
	keys, err := b.node.ExportKeys()
	b.must(err)
	return keys.Net[homeKey].Key, keys.Net[homeKey].App[appKey].Key
}

// testRefreshesKeys has BlueZ refresh the keys twice: our plug is told the
// phases by messages, and then it has to see them in beacons.
func testRefreshesKeys(t *testing.T) {
	b, p, at := newPair(t, newRoom(t))
	for _, told := range []bool{true, false} {
		oldNet, oldApp := b.keys()
		b.refresh([]mesh.Address{at}, told, func(phase state.Phase) {
			p.phase(phase)
			b.works(p, at)
		})
		net, app := b.keys()
		if net.Equal(oldNet) || app.Equal(oldApp) {
			t.Error("BlueZ has the same keys as before")
		}
		has := p.state()
		if s := has.Subnets[0]; !s.Key.Equal(net) || !s.NewKey.IsZero() || !has.AppKeys[0].Key.Equal(app) {
			t.Error("the plug has not the new keys, or still the old ones")
		}
	}
	p.understood()
}

// works has a command, its status and a message of the plug's own pass.
func (b *provisioner) works(p *plug, at mesh.Address) {
	b.t.Helper()
	for _, on := range []byte{0, 1} {
		b.command(at, at, on)
	}
	mark := b.app.Mark()
	p.press()
	b.app.Next(mark, "what was done by hand", func(m bluez.Message) bool {
		return m.Source == at && string(m.Data) == "\x82\x04\x00"
	})
}

// testUpdatesIVIndex has BlueZ take the network to the next IV index. It begins
// when half of its sequence numbers are used, once it has heard a beacon. It
// cannot be told to, and it ends an update after 96 hours only: so the daemon is
// stopped, and started with what it writes at that time.
func testUpdatesIVIndex(t *testing.T) {
	b, p, at := newPair(t, newRoom(t))
	uuid := b.app.UUID()
	b.daemon.Stop()
	p.stop()
	b.daemon.SetSequence(uuid, 0, false, spent)
	b.daemon.Restart()
	b.attach()
	p.start() // its first beacon comes soon; then those of BlueZ are enough for two
	for late := time.Now().Add(patience); !b.node.IVUpdate(); b.command(at, at, 1) {
		if time.Now().After(late) {
			t.Fatal("BlueZ begins no IV Update")
		}
	}
	if index := b.node.IVIndex(); index != 1 {
		t.Fatalf("BlueZ has the IV index %d", index)
	}
	p.iv(1, true)
	b.works(p, at)

	b.must(p.node.SetIVTestMode(t.Context(), true)) // the 96 hours
	b.daemon.Stop()
	b.daemon.SetSequence(uuid, 1, false, 0)
	b.daemon.Restart()
	b.attach()
	p.iv(1, false)
	b.works(p, at)
	if index, update := b.node.IVIndex(), b.node.IVUpdate(); index != 1 || update {
		t.Errorf("BlueZ has the IV index %d, updating %t", index, update)
	}
	if n := b.node.SequenceNumber(); n >= spent {
		t.Errorf("BlueZ goes on with the sequence number %d", n)
	}
	p.understood()
}

// newLivingRoom is the service with a lamp on BlueZ.
func newLivingRoom(t *testing.T) (*bridge, *bluez.Daemon, *lamp) {
	t.Helper()
	room := newRoom(t)
	ours, theirs := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	h := newBridge(t, ours.name())
	d := bluez.Start(t, bluez.Options{Adapter: theirs.name()})
	l := newLamp(t, d, bluez.Provisioning{})
	h.adopt(l, "lamp", "")
	h.lampWorks(l)
	return h, d, l
}

// lampWorks has commands, statuses and messages of the lamp's own pass.
func (h *bridge) lampWorks(l *lamp) {
	h.t.Helper()
	for _, s := range []string{"ON", "OFF"} {
		h.command("lamp", fmt.Sprintf(`"state":%q`, s))
		h.o.AwaitLast(base+"lamp", fmt.Sprintf(`{"state":%q}`, s))
		if on, _ := l.is(); on != (s == "ON") {
			h.t.Errorf("after %s the lamp is on: %t", s, on)
		}
	}
	h.until(base+"lamp", `{"state":"ON"}`, func() { l.press(true) })
}

// testServiceRefreshes gives a node of BlueZ's other keys, and then again while
// the node has no power when that begins, and then the service has not.
func testServiceRefreshes(t *testing.T) {
	h, d, l := newLivingRoom(t)
	for _, outage := range []bool{false, true} {
		before := d.NodeState(l.uuid)
		if outage {
			d.Kill()
		}
		mark := h.o.Mark()
		h.ask("network/key_refresh", `{}`, `{"status":"ok"}`)
		if outage {
			h.kill()
			h.start()
			d.Restart()
			l.attach()
			l.press(true) // it is there again
		}
		for _, phase := range []string{"distributing", "switching", "revoking", "done"} {
			h.o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"key_refresh","data":{"net_key":0,"phase":%q}}`, phase))
		}
		h.lampWorks(l)

		own, after := h.export(), d.NodeState(l.uuid)
		for name, k := range map[string]struct {
			before, after bluez.StoredKey
			own           crypto.Key
		}{
			"NetKey": {before.Net[0], after.Net[0], own.NetKeys[0].Key},
			"AppKey": {before.App[0], after.App[0], own.AppKeys[0].Key},
		} {
			if k.after.Key.Equal(k.before.Key) || !k.after.Old.IsZero() || k.after.Phase != 0 || !k.after.Key.Equal(k.own) {
				t.Errorf("BlueZ has not the new %s, or still the old one", name)
			}
		}
	}
	// What is stored is what counts.
	d.Kill()
	d.Restart()
	l.attach()
	h.lampWorks(l)
}

// export is the network, as the service has it.
func (h *bridge) export() *cdb.Database {
	h.t.Helper()
	var answer struct {
		Data struct{ Network json.RawMessage }
	}
	err := json.Unmarshal(h.ask("network/export", `{"keys":true}`, `{"status":"ok"}`), &answer)
	if err != nil {
		h.t.Fatal(err)
	}
	d, err := cdb.Parse(answer.Data.Network)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// testServiceUpdatesIV goes with a node of BlueZ's to the IV index that the
// service begins with, and then to the one that BlueZ begins with.
func testServiceUpdatesIV(t *testing.T) {
	h, d, l := newLivingRoom(t)
	h.ask("network/iv_update", `{"test_mode":true}`, `{"status":"ok","data":{"iv_index":1,"in_progress":true}}`)
	l.iv(1, true)
	h.lampWorks(l)

	// BlueZ knows no test mode: in the 96 hours after the begin it does not
	// believe that an update has ended. Until then the two are one step apart,
	// and understand each other.
	mark := h.o.Mark()
	h.ask("network/iv_update", `{"to":"normal"}`, `{"status":"ok","data":{"iv_index":1,"in_progress":false}}`)
	h.o.Next(mark, base+"bridge/event", `{"type":"iv_update","data":{"iv_index":1,"in_progress":false}}`)
	d.AwaitLog("IVU clear attempted too soon")
	h.lampWorks(l)

	// When it has just been started it believes every beacon. That of the service
	// comes soon only when that has just been started as well: the beacons of
	// BlueZ are enough for two.
	cycle := func(change func()) {
		t.Helper()
		h.stop()
		d.Stop()
		change()
		d.Restart()
		l.attach()
		h.start()
		h.ask("network/iv_update", `{"test_mode":true,"to":"normal"}`, `{"status":"error","code":"wrong_state"}`) // it was before
	}
	cycle(func() {})
	l.iv(1, false)
	h.lampWorks(l)

	// The lamp has used half of its sequence numbers.
	mark = h.o.Mark()
	cycle(func() { d.SetSequence(l.uuid, 1, false, spent) })
	for late := time.Now().Add(patience); !l.node.IVUpdate(); h.lampWorks(l) {
		if time.Now().After(late) {
			t.Fatal("BlueZ begins no IV Update")
		}
	}
	l.iv(2, true)
	h.o.Next(mark, base+"bridge/event", `{"type":"iv_update","data":{"iv_index":2,"in_progress":true}}`)
	h.lampWorks(l)

	// 96 hours later.
	d.Stop()
	d.SetSequence(l.uuid, 2, false, 0)
	d.Restart()
	l.attach()
	h.o.Next(mark, base+"bridge/event", `{"type":"iv_update","data":{"iv_index":2,"in_progress":false}}`)
	l.iv(2, false)
	h.lampWorks(l)
	h.o.AwaitLast(base+"bridge/info", `{"network":{"iv_index":2,"iv_update":false}}`)
}

// iv waits until BlueZ, since its last start, has come into a state of the IV
// Update procedure, and checks its IV index.
func (l *lamp) iv(index mesh.IVIndex, update bool) {
	l.t.Helper()
	state := "iv_upd_state = IV_UPD_NORMAL"
	if update {
		state = "iv_upd_state = IV_UPD_UPDATING"
	}
	l.app.Daemon().AwaitLog(state)
	if i, u := l.node.IVIndex(), l.node.IVUpdate(); i != index || u != update {
		l.t.Fatalf("BlueZ has the IV index %d, updating %t; expected %d, %t", i, u, index, update)
	}
}

// testServiceFollows takes the service into the network of BlueZ by a file, as
// one of a phone app; then BlueZ refreshes the keys of all.
func testServiceFollows(t *testing.T) {
	const address = mesh.Address(0x2000)
	room := newRoom(t)
	b, p, at := newPair(t, room)
	ours := room.plug(t, kind(3, false))
	dir := t.TempDir()
	file, store := filepath.Join(dir, "network.json"), filepath.Join(dir, "store")
	if err := os.WriteFile(file, b.describe(p.uuid, at), 0o600); err != nil {
		t.Fatal(err)
	}
	join := exec.Command(guestService, "network", "import", file, "--address", address.String(), "--store.dir", store)
	join.Env = process.Environment()
	joins := process.Start(t, join)
	if code := joins.Wait(); code != 0 {
		t.Fatalf("network import ends with %d: %s", code, joins.Stderr.String())
	}
	h := newBridge(t, ours.name(), "--store.dir", store)
	h.interviewed(0, "plug")
	works := func(on bool) {
		t.Helper()
		h.command("plug", fmt.Sprintf(`"state":%q`, map[bool]string{true: "ON", false: "OFF"}[on]))
		p.becomes(on)
	}
	works(true)

	for _, n := range h.export().Nodes {
		if n.Address == address {
			b.must(b.node.ImportRemoteNode(address, 1, *n.DeviceKey))
		}
	}
	mark := h.o.Mark()
	b.refresh([]mesh.Address{at, address}, true, func(phase state.Phase) {
		word := map[state.Phase]string{state.FirstPhase: "distributing", state.SecondPhase: "switching", state.NormalOperation: "done"}[phase]
		h.o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"key_refresh","data":{"net_key":0,"phase":%q}}`, word))
		p.phase(phase)
		works(false)
		works(true)
		b.works(p, at)
	})
	net, app := b.keys()
	if own := h.export(); !own.NetKeys[0].Key.Equal(net) || !own.AppKeys[0].Key.Equal(app) || own.NetKeys[0].OldKey != nil {
		t.Error("the service has not the new keys, or still the old ones")
	}

	// It is not thrown out of the network that it is the way to.
	b.must(b.node.DevKeySend(0, address, true, homeKey, []byte{0x80, 0x49}))
	h.o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"reset_refused","data":{"by":%q}}`, provisionerAddress))
	works(false)
}

// describe is BlueZ's network, as a file for others.
func (b *provisioner) describe(plug mesh.UUID, at mesh.Address) []byte {
	b.t.Helper()
	keys, err := b.node.ExportKeys()
	b.must(err)
	node := func(uuid mesh.UUID, name string, address mesh.Address, model mesh.ModelID) cdb.Node {
		key := keys.Device[address]
		return cdb.Node{
			UUID: uuid, Name: name, Address: address, DeviceKey: &key, ConfigComplete: true,
			NetKeys: []cdb.NodeKey{{Index: homeKey}}, AppKeys: []cdb.NodeKey{{Index: appKey}},
			Elements: []cdb.Element{{Models: []cdb.Model{{ID: model, Bind: []mesh.KeyIndex{appKey}}}}},
		}
	}
	d := cdb.Database{
		UUID: mesh.UUID{0xB1, 6: 0x40, 8: 0x80}, Name: "BlueZ", Timestamp: time.Now(),
		NetKeys: []cdb.NetKey{{Name: "all", Index: homeKey, Key: keys.Net[homeKey].Key, Timestamp: time.Now()}},
		AppKeys: []cdb.AppKey{{Name: "all", Index: appKey, BoundNet: homeKey, Key: keys.Net[homeKey].App[appKey].Key}},
		Provisioners: []cdb.Provisioner{{
			Name: "BlueZ", UUID: b.app.UUID(), Unicast: []cdb.AddressRange{{Low: provisionerAddress, High: 0x0FFF}},
		}},
		Nodes: []cdb.Node{
			node(b.app.UUID(), "provisioner", provisionerAddress, generic.OnOffClientID),
			node(plug, "plug", at, generic.OnOffServerID),
		},
	}
	file, err := d.JSON()
	b.must(err)
	return file
}
