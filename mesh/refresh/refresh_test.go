package refresh_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/refresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

var (
	oldNet, newNet = crypto.Key{1}, crypto.Key{2}
	oldApp, newApp = crypto.Key{3}, crypto.Key{4}
	older          = crypto.Key{5}

	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// host is a node that consists only of its state.
type host struct{ *state.Node }

func (h host) State() *state.Node                 { return h.Node }
func (h host) Edit(change func(*state.Node) bool) { change(h.Node) }
func (host) Reset() error                         { return nil }

func newHost() host {
	return host{&state.Node{
		Subnets: []state.Subnet{{Key: oldNet}},
		AppKeys: []state.AppKey{{Key: oldApp}},
	}}
}

func (h host) keys() configuration.Keys { return configuration.Keys{Host: h} }

// done reports whether the node has the new keys and no others.
func (h host) done() bool {
	k, app := h.Subnets[0], h.AppKeys[0]
	return k.Phase == state.NormalOperation && k.Key.Equal(newNet) && app.Key.Equal(newApp) && !app.Updated
}

// hasKeys reports whether the node can receive with the new keys.
func (h host) hasKeys() bool {
	k, app := h.Subnets[0], h.AppKeys[0]
	return (k.Key.Equal(newNet) || k.NewKey.Equal(newNet)) && (app.Key.Equal(newApp) || app.NewKey.Equal(newApp))
}

// answer answers a request like a Configuration Server.
func (h host) answer(t interface{ Fatalf(string, ...any) }, r node.Request) node.Response {
	op, params, err := access.ParseOpcode(r.Payload)
	if err != nil {
		t.Fatalf("%v", err)
	}
	read := func(m access.Message) {
		if err := access.Decode(params, m); err != nil {
			t.Fatalf("%v", err)
		}
	}
	var answer access.Message
	switch op {
	case configuration.OpNetKeyUpdate:
		var m configuration.NetKeyUpdate
		read(&m)
		answer = &configuration.NetKeyStatus{Status: h.keys().UpdateNetKey(m.NetKeyIndex, m.NetKey), NetKeyIndex: m.NetKeyIndex}
	case configuration.OpAppKeyUpdate:
		var m configuration.AppKeyUpdate
		read(&m)
		answer = &configuration.AppKeyStatus{
			Status:      h.keys().UpdateAppKey(m.NetKeyIndex, m.AppKeyIndex, m.AppKey),
			NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex,
		}
	case configuration.OpKeyRefreshPhaseSet:
		var m configuration.KeyRefreshPhaseSet
		read(&m)
		s := &configuration.KeyRefreshPhaseStatus{Status: h.keys().SetPhase(m.NetKeyIndex, m.Transition), NetKeyIndex: m.NetKeyIndex}
		if k := h.Subnet(m.NetKeyIndex); k != nil {
			s.Phase = k.Phase
		}
		answer = s
	default:
		t.Fatalf("opcode %s", op)
	}
	payload, err := access.Append(nil, answer)
	if err != nil {
		t.Fatalf("%v", err)
	}
	op, params, err = access.ParseOpcode(payload)
	if err != nil || op != r.Respond || !r.Accept(params) {
		t.Fatalf("the answer %s to %x is not accepted: %v", op, r.Payload, err)
	}
	return node.Response{Opcode: op, Params: params}
}

func uuid(i int) mesh.UUID { return mesh.UUID{0: byte(i), 15: 1} }

func nodes(n int) []refresh.Node {
	list := make([]refresh.Node, n)
	for i := range list {
		list[i] = refresh.Node{UUID: uuid(i), Address: mesh.Address(i + 2)}
	}
	return list
}

func options(n int) refresh.Options {
	return refresh.Options{Key: newNet, AppKeys: []refresh.AppKey{{Index: 0, Key: newApp}}, Nodes: nodes(n)}
}

// Any message may be lost, any node may crash at any time, and some nodes have
// missed the end of an earlier refresh: in the end all have the new keys. As
// long as one does not, its keys remain in use.
func TestRefreshSurvivesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 12
		n := rapid.IntRange(0, most).Draw(t, "nodes")
		own, others := newHost(), make([]host, n)
		for i := range others {
			others[i] = newHost()
			k, app := &others[i].Subnets[0], &others[i].AppKeys[0]
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0: // in an earlier refresh
				*k = state.Subnet{Key: older, NewKey: oldNet, Phase: state.SecondPhase}
				*app = state.AppKey{Key: older, NewKey: oldApp, Updated: true}
			case 1:
				*k = state.Subnet{Key: older, NewKey: oldNet, Phase: state.FirstPhase}
			}
		}
		now := start
		r := refresh.New(now, options(n))
		stored, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		reliable := false
		happens := func(label string, percent int) bool {
			return !reliable && rapid.IntRange(0, 99).Draw(t, label) < percent
		}
		crash := func() {
			if r, err = refresh.Decode(now, stored); err != nil {
				t.Fatal(err)
			}
		}
		for round := 0; r.Phase() != refresh.Done; round++ {
			reliable = reliable || round > 60
			if round > 2000 {
				t.Fatalf("no end: %+v", r.Status())
			}
			if next := r.NextDeadline(); next.After(now) {
				now = next
			}
			out, err := r.Step(now)
			if err != nil {
				t.Fatal(err)
			}
			if happens("crash before it is stored", 3) {
				crash()
				continue
			}
			if out.Persist {
				if stored, err = r.Encode(); err != nil {
					t.Fatal(err)
				}
			}
			if happens("crash after it is stored", 3) {
				crash()
				continue
			}
			if out.Own > 1 {
				for i, h := range others {
					if !h.hasKeys() {
						t.Fatalf("phase %d begins before node %d has the keys", out.Own, i)
					}
				}
			}
			if out.Own > 0 {
				net, apps := r.Keys()
				if s := own.keys().Refresh(0, out.Own, net, apps); s != foundation.Success {
					t.Fatalf("own node, phase %d: %s", out.Own, s)
				}
			}
			dead := false
			for _, send := range out.Send {
				i := slices.IndexFunc(nodes(n), func(o refresh.Node) bool { return o.UUID == send.Node })
				if happens("request lost", 20) {
					r.Answered(now, send.Node, node.Response{}, node.ErrNoResponse)
					continue
				}
				answer := others[i].answer(t, send.Request)
				switch {
				case happens("answer lost", 10):
					r.Answered(now, send.Node, node.Response{}, node.ErrNoResponse)
				case happens("crash before the answer", 3):
					dead = true
				default:
					r.Answered(now, send.Node, answer, nil)
				}
			}
			if dead {
				crash()
			}
		}
		if s := r.Status(); len(s.LeftBehind)+len(s.Missing) > 0 {
			t.Fatalf("%+v", s)
		}
		// The last step of the own node may still be due.
		if out, err := r.Step(now); err != nil {
			t.Fatal(err)
		} else if net, apps := r.Keys(); out.Own > 0 && own.keys().Refresh(0, out.Own, net, apps) != foundation.Success {
			t.Fatal("the end on the own node")
		}
		for i, h := range append(others, own) {
			if !h.done() {
				t.Fatalf("node %d: %+v %+v", i, h.Subnets, h.AppKeys)
			}
		}
	})
}

// drive carries out what the refresh wants; silent nodes do not answer.
func drive(t *testing.T, now *time.Time, r *refresh.Refresh, own host, others []host, silent map[int]bool, d time.Duration) {
	t.Helper()
	end := now.Add(d)
	for r.Phase() != refresh.Done && now.Before(end) {
		out, err := r.Step(*now)
		if err != nil {
			t.Fatal(err)
		}
		if out.Own > 0 {
			net, apps := r.Keys()
			own.keys().Refresh(0, out.Own, net, apps)
		}
		for _, send := range out.Send {
			i := int(send.Node[0])
			if silent[i] {
				r.Answered(*now, send.Node, node.Response{}, errors.New("the node is silent"))
				continue
			}
			r.Answered(*now, send.Node, others[i].answer(t, send.Request), nil)
		}
		if next := r.NextDeadline(); next.After(*now) {
			*now = next
		}
	}
}

func TestPatienceAndFinish(t *testing.T) {
	for name, test := range map[string]struct {
		patience time.Duration
		finish   bool
		silent   []int
		left     int // nodes that are left behind
		done     bool
	}{
		"all answer":                    {done: true},
		"one is silent":                 {silent: []int{1}},
		"patience":                      {silent: []int{1}, patience: 10 * time.Hour, left: 1, done: true},
		"patience, no node answers":     {silent: []int{0, 1, 2}, patience: 10 * time.Hour},
		"the operator":                  {silent: []int{1}, finish: true, left: 1, done: true},
		"the operator, no node answers": {silent: []int{0, 1, 2}, finish: true, left: 3, done: true},
	} {
		t.Run(name, func(t *testing.T) {
			now := start
			r := refresh.New(now, options(3))
			r.Patience = test.patience
			own, others := newHost(), []host{newHost(), newHost(), newHost()}
			silent := map[int]bool{}
			for _, i := range test.silent {
				silent[i] = true
			}
			drive(t, &now, r, own, others, silent, 9*time.Hour)
			if len(silent) > 0 && r.Phase() != refresh.Distribute {
				t.Fatalf("it must not wait: %+v", r.Status())
			}
			if test.finish {
				r.Finish()
			}
			drive(t, &now, r, own, others, silent, 48*time.Hour)
			s := r.Status()
			if (s.Phase == refresh.Done) != test.done || len(s.LeftBehind) != test.left {
				t.Errorf("%+v", s)
			}
			for i, h := range others {
				if test.done && h.done() == silent[i] {
					t.Errorf("node %d, silent %t: %+v", i, silent[i], h.Subnets)
				}
			}
		})
	}
}

// Time in which the program did not run does not count, and neither does a
// change of the clock.
func TestPatienceCountsOnlyWhatItSaw(t *testing.T) {
	now := start
	r := refresh.New(now, options(2))
	r.Patience = 10 * time.Hour
	others := []host{newHost(), newHost()}
	drive(t, &now, r, newHost(), others, map[int]bool{1: true}, 5*time.Hour)
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(10 * 365 * 24 * time.Hour)
	if r, err = refresh.Decode(now, data); err != nil {
		t.Fatal(err)
	}
	r.Patience = 10 * time.Hour
	drive(t, &now, r, newHost(), others, map[int]bool{1: true}, 4*time.Hour)
	if s := r.Status(); s.Phase != refresh.Distribute || s.Waited < 8*time.Hour {
		t.Errorf("%+v", s)
	}
}

func TestWhoIsHeardIsAskedAtOnce(t *testing.T) {
	now := start
	r := refresh.New(now, options(1))
	others := []host{newHost()}
	drive(t, &now, r, newHost(), others, map[int]bool{0: true}, 3*time.Hour)
	if out, err := r.Step(now); err != nil || len(out.Send) != 1 {
		t.Fatalf("%d sent, %v", len(out.Send), err)
	}
	r.Answered(now, uuid(0), node.Response{}, node.ErrNoResponse)
	now = now.Add(10 * time.Second)
	r.Heard(now, uuid(9)) // another node
	if out, err := r.Step(now); err != nil || len(out.Send) > 0 {
		t.Fatalf("%d sent, %v", len(out.Send), err)
	}
	r.Heard(now, uuid(0))
	out, err := r.Step(now)
	if err != nil || len(out.Send) != 1 {
		t.Fatalf("%d sent, %v", len(out.Send), err)
	}
	r.Answered(now, uuid(0), node.Response{}, node.ErrNoResponse)
	r.Heard(now.Add(time.Second), uuid(0))
	if out, err := r.Step(now.Add(time.Second)); err != nil || len(out.Send) > 0 {
		t.Errorf("asked again within a second: %d, %v", len(out.Send), err)
	}
	// A node that wakes up during a request is asked again soon.
	now = now.Add(20 * time.Second)
	r.Heard(now, uuid(0))
	if out, err = r.Step(now); err != nil || len(out.Send) != 1 {
		t.Fatalf("%d sent, %v", len(out.Send), err)
	}
	r.Heard(now, uuid(0))
	r.Answered(now.Add(20*time.Second), uuid(0), node.Response{}, node.ErrNoResponse)
	if next := r.NextDeadline(); next.After(now.Add(26 * time.Second)) {
		t.Errorf("asked again after %s", next.Sub(now))
	}
}

func TestExclude(t *testing.T) {
	now := start
	r := refresh.New(now, options(3))
	if !r.Exclude(uuid(0)) {
		t.Error("a node that has no keys yet needs another refresh")
	}
	others := []host{newHost(), newHost(), newHost()}
	drive(t, &now, r, newHost(), others, map[int]bool{2: true}, time.Hour)
	for range 2 { // it does not forget
		if r.Exclude(uuid(1)) {
			t.Error("a node with the new keys can be excluded")
		}
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if r, err = refresh.Decode(now, data); err != nil {
			t.Fatal(err)
		}
	}
	if !r.Exclude(uuid(2)) {
		t.Error("a node that never answered needs another refresh")
	}
	drive(t, &now, r, newHost(), others, nil, time.Hour)
	if s := r.Status(); s.Phase != refresh.Done || len(s.Excluded) != 3 {
		t.Errorf("%+v", s)
	}
	if others[0].hasKeys() || others[2].hasKeys() {
		t.Error("an excluded node has the keys")
	}
}

// A node that refuses is asked again, but not all the time.
func TestRefusal(t *testing.T) {
	now := start
	r := refresh.New(now, options(1))
	status, err := access.Append(nil, &configuration.NetKeyStatus{Status: foundation.StorageFailure})
	if err != nil {
		t.Fatal(err)
	}
	op, params, err := access.ParseOpcode(status)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for end := now.Add(time.Hour); now.Before(end); {
		out, err := r.Step(now)
		if err != nil {
			t.Fatal(err)
		}
		for range out.Send {
			asked++
			r.Heard(now, uuid(0))
			r.Answered(now, uuid(0), node.Response{Opcode: op, Params: params}, nil)
		}
		now = r.NextDeadline()
	}
	if asked < 5 || asked > 20 {
		t.Errorf("asked %d times in an hour", asked)
	}
	if why := r.Status().Missing[uuid(0)]; !strings.Contains(why, "storage failure") {
		t.Errorf("why: %q", why)
	}
}

// FuzzDecode decodes damaged stored data.
func FuzzDecode(f *testing.F) {
	r := refresh.New(start, options(2))
	good, err := r.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"Version":1,"Phase":1,"Nodes":[null]}`))
	f.Add(bytes.ReplaceAll(good, []byte(`"Apps":0`), []byte(`"Apps":9`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := refresh.Decode(start, data)
		if err != nil {
			return
		}
		if _, err := r.Step(start); err != nil {
			t.Fatal(err)
		}
		first, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := refresh.Decode(start, first)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := again.Encode(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s became %s, %v", first, second, err)
		}
	})
}
