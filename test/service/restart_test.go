package service

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// network is a demo that is restarted with the same store.
type network struct {
	t     *testing.T
	url   string
	dir   string
	o     *observer.Observer
	known []listed // their state after provisioning
	mark  int      // message count at that time
	order int      // number of commands so far
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{t: t, url: localBroker(t), dir: filepath.Join(t.TempDir(), "store")}
	n.o = observer.Start(t, n.url, nil)
	first := n.start()
	first.ready()
	listens(n.o, 0)
	n.known = devicesOf(n.o.AwaitLastMatch(base+"bridge/devices", "with all devices configured", configured(demoDevices...)))
	n.works(first)
	first.Stop()
	n.mark = n.o.Mark()
	return n
}

func (n *network) start() *instance {
	n.t.Helper()
	return start(n.t, "demo", "--mqtt.url", n.url, "--store.dir", n.dir, "--log.level", "trace", "--log.format", "json")
}

// listens returns when the bridge, started after a mark, accepts commands: it
// publishes its retained messages after it has subscribed to everything.
func listens(o *observer.Observer, mark int) {
	o.Next(mark, base+"bridge/state", `{"state":"online"}`)
	o.Next(mark, base+"bridge/info", `{}`)
}

// works checks that the nodes and the bridge accept each other's messages: each
// drops messages with a sequence number that it has already seen.
func (n *network) works(p *instance) {
	n.t.Helper()
	for _, name := range []string{"demo_plug", "demo_lamp", "demo_color_lamp"} {
		n.order++
		mark, transaction := n.o.Mark(), fmt.Sprintf(`"transaction":%d`, n.order)
		n.o.Send(base+name+"/set", `{"state":"TOGGLE",`+transaction+`}`)
		n.o.Next(mark, base+name+"/set/response", `{"status":"ok",`+transaction+`}`)
	}
	mark := n.o.Mark()
	p.Press()
	n.o.NextMatch(mark, base+"demo_button/event", "of a press", func([]byte) bool { return true })
}

// unchanged checks that nothing has been provisioned since the first start.
func (n *network) unchanged() {
	n.t.Helper()
	n.o.AwaitLastMatch(base+"bridge/devices", fmt.Sprintf("as it was: %+v", n.known), func(payload []byte) bool {
		return fmt.Sprint(devicesOf(payload)) == fmt.Sprint(n.known)
	})
	for _, m := range n.o.Since(n.mark, base+"bridge/event") {
		for _, kind := range []string{"device_provisioning", "device_joined", "device_leave"} {
			if observer.Contains(m.Payload, `{"type":"`+kind+`"}`) {
				n.t.Errorf("after a restart: %s", m.Payload)
			}
		}
	}
}

// reserves reads the first sequence number that may be used after a restart, by
// the folder of each node. The stores must not be in use.
func (n *network) reserves() map[string]uint32 {
	n.t.Helper()
	all := map[string]uint32{}
	folders := []string{"."}
	for _, name := range demoDevices {
		folders = append(folders, filepath.Join("devices", name))
	}
	for _, folder := range folders {
		s, err := disk.Open(filepath.Join(n.dir, folder), disk.Options{})
		if err != nil {
			n.t.Fatal(err)
		}
		const ivIndexAndNumber = 8
		data, err := s.Get(node.TableNode, "sequence")
		if err != nil || len(data) != ivIndexAndNumber {
			n.t.Fatalf("%s: reserve %x, %v", folder, data, err)
		}
		all[folder] = binary.BigEndian.Uint32(data[4:])
		if all[folder] > uint32(mesh.MaxSequenceNumber) {
			n.t.Errorf("%s: sequence number %d", folder, all[folder])
		}
		if err := s.Close(); err != nil {
			n.t.Fatal(err)
		}
	}
	return all
}

func TestRestartAfterCtrlC(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	before, mark := n.reserves(), n.o.Mark()
	again := n.start()
	again.ready()
	listens(n.o, mark)
	t.Logf("ready %.1f s after the second start", time.Since(again.Started).Seconds())
	n.unchanged()
	n.works(again)
	again.Stop()
	n.o.AwaitLast(base+"bridge/state", `{"state":"offline"}`)
	for folder, after := range n.reserves() {
		// The sensor may have sent nothing on its own, but the bridge requested
		// its state.
		if after <= before[folder] {
			t.Errorf("%s: the first free sequence number was %d and is %d, expected more", folder, before[folder], after)
		}
	}
}

// The time of a kill is drawn in lines of the trace. There is one line for each
// HCI command, so the kill happens at any point of the start or of the work.
func TestRestartAfterKill(t *testing.T) {
	t.Parallel()
	const kills, mostLines = 8, 700
	n := newNetwork(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	before := n.reserves()
	for range kills {
		lines := 1 + random.IntN(mostLines)
		victim := n.start()
		n.underLoad(func() {
			victim.AwaitMatch(&victim.Stderr, fmt.Sprintf("%d lines", lines), func(all string) bool {
				return strings.Count(all, "\n") >= lines
			})
			victim.Kill()
		})
		t.Logf("killed after %d lines of the trace, %.1f s", lines, time.Since(victim.Started).Seconds())
		between := n.reserves()

		mark := n.o.Mark()
		again := n.start()
		again.ready()
		listens(n.o, mark)
		n.unchanged()
		n.works(again)
		again.Kill()
		after := n.reserves()
		for folder := range maps.Keys(after) {
			if between[folder] < before[folder] || after[folder] < between[folder] {
				t.Errorf("%s: the first free sequence number went from %d to %d to %d, expected no less each time",
					folder, before[folder], between[folder], after[folder])
			}
		}
		// Every node that has sent something has a new reserve.
		for _, folder := range []string{".", "devices/demo_lamp", "devices/demo_button"} {
			if after[folder] == between[folder] {
				t.Errorf("%s: the first free sequence number is still %d", folder, after[folder])
			}
		}
		before = after
	}
}

// underLoad runs an action while commands arrive.
func (n *network) underLoad(f func()) {
	stop := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for brightness := 0; ; brightness = (brightness + 1) % 255 {
			select {
			case <-stop:
				return
			case <-every.C:
				n.o.Send(base+"demo_plug/set", `{"state":"TOGGLE"}`)
				n.o.Send(base+"demo_lamp/set", fmt.Sprintf(`{"brightness":%d}`, 1+brightness))
			}
		}
	})
	f()
	close(stop)
	sender.Wait()
}
