package keys_test

import (
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// receiver is the network layer: the subnets that it opens PDUs of.
type receiver map[mesh.KeyIndex][]*network.Credentials

func (r receiver) AddSubnet(index mesh.KeyIndex, all ...*network.Credentials) { r[index] = all }
func (r receiver) RemoveSubnet(index mesh.KeyIndex)                           { delete(r, index) }

// strangers are peers of whom only one has a key that is known.
type strangers struct {
	address mesh.Address
	cipher  *crypto.CCM
}

func (s strangers) DeviceKey(a mesh.Address) (mesh.Address, *crypto.CCM) {
	if s.cipher == nil || a != s.address && a != s.address+1 {
		return mesh.Unassigned, nil
	}
	return s.address, s.cipher
}

var (
	oldNet, newNet = crypto.Key{1}, crypto.Key{2}
	oldApp, newApp = crypto.Key{3}, crypto.Key{4}
)

// ring is the part with a node in a phase of its Key Refresh.
type ring struct {
	*keys.Keys
	host *parttest.Host
	net  receiver
}

func newRing(phase state.Phase) *ring {
	h := parttest.New()
	h.Node.Subnets = []state.Subnet{{Key: oldNet}}
	h.Node.AppKeys = []state.AppKey{{Key: oldApp}}
	if phase != state.NormalOperation {
		h.Node.Subnets[0].Phase, h.Node.Subnets[0].NewKey = phase, newNet
		h.Node.AppKeys[0].Updated, h.Node.AppKeys[0].NewKey = true, newApp
	}
	r := &ring{host: h, net: receiver{}}
	r.Keys = keys.New(h, r.net, strangers{})
	h.Changed = r.ConfigurationChanged
	r.ConfigurationChanged()
	return r
}

// names tells which keys these are.
func credentialNames(all []*network.Credentials) (names []string) {
	for _, c := range all {
		for name, key := range map[string]crypto.Key{"old": oldNet, "new": newNet} {
			if network.Flooding(key).NID() == c.NID() {
				names = append(names, name)
			}
		}
	}
	return names
}

func beaconNames(all []*beacon.Keys) (names []string) {
	for _, k := range all {
		for name, key := range map[string]crypto.Key{"old": oldNet, "new": newNet} {
			if beacon.NewKeys(key).NetworkID() == k.NetworkID() {
				names = append(names, name)
			}
		}
	}
	return names
}

// The table of the package comment.
func TestPhases(t *testing.T) {
	for name, tt := range map[string]struct {
		phase             state.Phase
		receives, beacons []string
		sends, sendsApp   string
	}{
		"normal":  {state.NormalOperation, []string{"old"}, []string{"old"}, "old", "old"},
		"phase 1": {state.FirstPhase, []string{"old", "new"}, []string{"new", "old"}, "old", "old"},
		"phase 2": {state.SecondPhase, []string{"old", "new"}, []string{"new"}, "new", "new"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRing(tt.phase)
			s := r.Subnet(0)
			if got := credentialNames(r.net[0]); !slices.Equal(got, tt.receives) {
				t.Errorf("receives with %v, want %v", got, tt.receives)
			}
			if got := credentialNames([]*network.Credentials{s.Transmit}); got[0] != tt.sends {
				t.Errorf("sends with %v, want %v", got, tt.sends)
			}
			if got := beaconNames(s.Beacons); !slices.Equal(got, tt.beacons) {
				t.Errorf("follows beacons of %v, want %v", got, tt.beacons)
			}
			if got := beaconNames([]*beacon.Keys{s.BeaconKeys()}); got[0] != tt.sends {
				t.Errorf("sends beacons with %v, want %v", got, tt.sends)
			}
			key, ok := r.AppKey(0)
			if want := map[string]crypto.Key{"old": oldApp, "new": newApp}[tt.sendsApp]; !ok || key.AID != crypto.AID(want) {
				t.Errorf("AppKey with AID %d, want that of the %s one", key.AID, tt.sendsApp)
			}
			for _, k := range []crypto.Key{oldApp, newApp}[:len(tt.receives)] {
				if got := r.AppendAppKeys(nil, 0, crypto.AID(k)); len(got) != 1 {
					t.Errorf("%d AppKeys with the AID %d to receive with, want 1", len(got), crypto.AID(k))
				}
			}
		})
	}
}

// A beacon made with the new key takes a node from phase 1 to 2 with the flag, and
// to normal operation without it, from either. Nothing else moves it.
func TestFollowKeyRefresh(t *testing.T) {
	for name, tt := range map[string]struct {
		from state.Phase
		flag bool
		to   state.Phase
	}{
		"phase 2 begins":              {state.FirstPhase, true, state.SecondPhase},
		"phase 2 goes on":             {state.SecondPhase, true, state.SecondPhase},
		"phase 3":                     {state.SecondPhase, false, state.NormalOperation},
		"phase 3, phase 2 was missed": {state.FirstPhase, false, state.NormalOperation},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRing(tt.from)
			r.FollowKeyRefresh(0, tt.flag)
			n := r.host.Node.Subnets[0]
			if n.Phase != tt.to {
				t.Errorf("in phase %d, want %d", n.Phase, tt.to)
			}
			over := tt.to == state.NormalOperation
			if over != n.Key.Equal(newNet) || over != r.host.Node.AppKeys[0].Key.Equal(newApp) {
				t.Error("the keys are those of another phase")
			}
			reported := slices.Contains(r.host.Reports, part.Event(part.KeyRefreshChanged{Phase: tt.to}))
			if reported != (tt.from != tt.to) {
				t.Errorf("reported %v", r.host.Reports)
			}
		})
	}
	r := newRing(state.FirstPhase)
	r.FollowKeyRefresh(5, true) // a subnet that the node is not in
	if r.host.Edits != 0 {
		t.Error("the refresh of another subnet changed something")
	}
}

// KeysChanged tells of keys that come and go, not of those that are there at the start
// and not of a refresh.
func TestKeysChanged(t *testing.T) {
	changed := func(r *ring) (n int) {
		for _, e := range r.host.Reports {
			if _, ok := e.(part.KeysChanged); ok {
				n++
			}
		}
		r.host.Reports = nil
		return n
	}
	r := newRing(state.FirstPhase)
	if n := changed(r); n != 0 {
		t.Errorf("%d at the start", n)
	}
	r.FollowKeyRefresh(0, true)
	r.FollowKeyRefresh(0, false)
	if n := changed(r); n != 0 {
		t.Errorf("%d for a Key Refresh", n)
	}
	r.host.Node.AppKeys = append(r.host.Node.AppKeys, state.AppKey{Index: 3})
	r.ConfigurationChanged()
	if n := changed(r); n != 1 {
		t.Errorf("%d for a new AppKey", n)
	}
	r.host.Node.Subnets = append(r.host.Node.Subnets, state.Subnet{Index: 9})
	r.ConfigurationChanged()
	r.host.Node.Subnets = r.host.Node.Subnets[:1]
	r.ConfigurationChanged()
	if n := changed(r); n != 2 || len(r.net) != 1 {
		t.Errorf("%d for a NetKey that came and went; the network layer has %d subnets", n, len(r.net))
	}
}

// A device key candidate takes the place of the device key with the first message
// under it, and only then.
func TestCandidate(t *testing.T) {
	r := newRing(state.NormalOperation)
	r.host.Node.Elements = make([]state.Element, 1)
	next := crypto.Key{9}
	r.SetCandidate(next)
	owners := func() (all []mesh.Address) {
		for _, k := range r.AppendDeviceKeys(nil, 0x0050, 1) {
			all = append(all, k.Owner)
		}
		return all
	}
	if got := owners(); !slices.Equal(got, []mesh.Address{1, keys.CandidateOwner}) {
		t.Errorf("device keys of %v, want the node's and the candidate", got)
	}
	m := &part.AccessMessage{AccessMessage: transport.AccessMessage{Key: transport.Key{Device: 1}}}
	r.AdoptCandidate(m)
	if r.host.Node.DeviceKey.Equal(next) {
		t.Error("it was adopted with a message under the old key")
	}
	m.Key.Device = keys.CandidateOwner
	r.AdoptCandidate(m)
	if n := r.host.Node; !n.DeviceKey.Equal(next) || !n.DeviceKeyCandidate.IsZero() || m.Key.Device != 1 {
		t.Error("it was not adopted with a message under it")
	}
	if got := owners(); !slices.Equal(got, []mesh.Address{1}) {
		t.Errorf("device keys of %v after that", got)
	}
}

// The device key of another node opens its messages, from any of its elements.
func TestDeviceKeysOfPeers(t *testing.T) {
	h := parttest.New()
	k := keys.New(h, receiver{}, strangers{0x0050, crypto.NewCCM(crypto.Key{5})})
	k.ConfigurationChanged()
	if got := k.AppendDeviceKeys(nil, 0x0051, 0xC000); len(got) != 1 || got[0].Owner != 0x0050 {
		t.Errorf("from the second element: %v", got)
	}
	if _, ok := k.DeviceKey(0x0051); ok {
		t.Error("a device key is asked for by the primary element")
	}
	if got := k.AppendDeviceKeys(nil, 0x0060, 0xC000); len(got) != 0 {
		t.Errorf("of an unknown node: %v", got)
	}
}
