package vm

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestKill has the service die again and again.
func TestKill(t *testing.T) {
	guest{stack: true, parts: []part{
		{"fifty_times", testKills},
	}}.test(t)
}

const (
	kills   = 50
	metrics = "127.0.0.1:8080"
)

// testKills ends the service with SIGKILL at random moments while commands flow,
// and after each start says again what BlueZ said before. No sequence number may
// be used twice, and no message may be acted on twice.
func testKills(t *testing.T) {
	room := newRoom(t)
	ours, theirs, echoes := room.plug(t, kind(1, false)), room.plug(t, kind(2, false)), room.plug(t, kind(3, false))
	tape := newTape(room)
	h := newBridge(t, ours.name(), "--http.listen", metrics)
	d := bluez.Start(t, bluez.Options{Adapter: theirs.name()})
	l := newEcho(t, d)
	h.adopt(l, "lamp", "")
	h.hasten("lamp")
	h.command("lamp", `"state":"ON"`)
	// Who repeats BlueZ's messages is heard by the service only.
	echo := tune(t, echoes.name(), func(*bearer.Incoming) {})
	echo.await(t, controller.Running)
	room.air.SetLink(echoes.controller.Address(), theirs.controller.Address(), virtual.Link{Cut: true})

	traffic := startTraffic(h, l)
	seed := uint64(time.Now().UnixNano())
	t.Logf("random moments of seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	moment := func(most time.Duration) {
		time.Sleep(time.Duration(random.Int64N(int64(most)))) // what it is at is left to chance
	}
	answered := 0
	began := time.Now()
	for i := range kills {
		t.Logf("kill %d of %d", i+1, kills) // every line is a sign of progress, see watch
		h.kill()
		if i%4 == 3 { // while it starts
			h.launch()
			moment(time.Second)
			continue
		}
		mark := h.o.Mark()
		h.start()
		tape.replay(echo, theirs, 20)
		if i%4 == 0 { // when it has begun to work
			h.o.NextMatch(mark, base+"lamp/set/response", "of the lamp", func([]byte) bool { return true })
			answered++
		}
		moment(700 * time.Millisecond)
	}
	told := traffic.stop()
	t.Logf("%s for %d kills", time.Since(began).Round(time.Millisecond), kills)

	// A last time, after which BlueZ obeys still, and everything that it has
	// ever said comes again.
	h.kill()
	h.start()
	h.command("lamp", `"state":"OFF"`)
	h.o.AwaitLast(base+"lamp", `{"state":"OFF"}`)
	h.kill()
	h.start()
	h.command("lamp", `"state":"OFF"`)
	mark, before := h.o.Mark(), replayed(t)
	tape.replay(echo, theirs, 200)
	awaitReplays(t, before)
	h.command("lamp", `"state":"OFF"`)
	for _, m := range h.o.Since(mark, base+"lamp") {
		if !strings.Contains(string(m.Payload), `"state":"OFF"`) {
			t.Errorf("a status was acted on again: %s", m.Payload)
		}
	}
	t.Logf("%d statuses of the past were dropped as replays", replayed(t)-before)

	tape.audit(t, ours, h)
	if n := strings.Count(d.Log(), "Ignoring replayed packet"); n > 0 {
		t.Errorf("BlueZ took %d messages for replays", n)
	}
	acted := map[string]int{}
	for _, m := range h.o.Since(0, base+"lamp/message") {
		var payload struct{ Hex string }
		if err := json.Unmarshal(m.Payload, &payload); err != nil {
			t.Error(err)
		}
		acted[payload.Hex]++
	}
	for number, n := range acted {
		if n > 1 {
			t.Errorf("message %s of the lamp was acted on %d times", number, n)
		}
	}
	t.Logf("of %d messages of the lamp %d were heard by the service, each once", told, len(acted))
	if len(acted) == 0 {
		t.Error("none of the lamp's messages was heard")
	}
}

// traffic is commands for a lamp and messages of the lamp, all the time.
type traffic struct {
	quit chan struct{}
	done chan int
}

// startTraffic begins with both. Each message of the lamp has a number.
func startTraffic(h *bridge, l *lamp) *traffic {
	f := &traffic{quit: make(chan struct{}), done: make(chan int)}
	const key = 0 // that the service made
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		number := uint32(0)
		for {
			select {
			case <-f.quit:
				f.done <- int(number)
				return
			case <-tick.C:
			}
			number++
			state := []string{"OFF", "ON"}[number/2%2]
			h.o.Send(base+"lamp/set", fmt.Sprintf(`{"state":%q,"transaction":"t%d"}`, state, number))
			message := binary.BigEndian.AppendUint32(bytes.Clone(tellOpcode), number)
			if err := l.node.Send(echoElement, bridgeAddress, key, message); err != nil {
				h.t.Errorf("message %d of the lamp: %v", number, err)
			}
		}
	}()
	return f
}

// stop ends it and tells how many messages the lamp has sent.
func (f *traffic) stop() int {
	close(f.quit)
	return <-f.done
}

// tape is the network PDUs that were on the air, each once, by who sent them, in
// order.
type tape struct {
	mu   sync.Mutex
	pdus map[string][]string // by address of the controller
	seen map[string]bool
}

func newTape(r *room) *tape {
	p := &tape{pdus: map[string][]string{}, seen: map[string]bool{}}
	r.listen(func(a *virtual.Advertisement) {
		if len(a.Data) < 2 || bearer.Kind(a.Data[1]) != bearer.Message {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		from, pdu := a.From.String(), string(a.Data[2:])
		if !p.seen[from+pdu] {
			p.seen[from+pdu] = true
			p.pdus[from] = append(p.pdus[from], pdu)
		}
	})
	return p
}

func (p *tape) of(d *dongle) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pdus[d.address()]
}

// replay says again the last that somebody has said.
func (p *tape) replay(by *radio, of *dongle, most int) {
	pdus := p.of(of)
	for i, pdu := range pdus[max(0, len(pdus)-most):] {
		// In lanes of their own, so that several are on the air at a time.
		out := bearer.NewOutgoing(bearer.Message, bearer.RelayLane(uint16(i%4)), bearer.Transmit{Count: 2, Interval: interval}, []byte(pdu))
		for by.bearer.Send(out) != nil {
			time.Sleep(interval) // its queue is full
		}
	}
}

// open decrypts network PDUs with the network's key, which the service tells.
func (p *tape) open(h *bridge, pdus []string) []network.PDU {
	h.t.Helper()
	receiver := network.NewReceiver(network.Config{})
	receiver.AddSubnet(mesh.PrimaryNetKey, network.Flooding(h.export().NetKeys[0].Key))
	var all []network.PDU
	for _, pdu := range pdus {
		receiver.ForgetAll()
		var opened network.PDU
		if v := receiver.Open([]byte(pdu), &opened); v != network.Fresh {
			h.t.Errorf("% x is %s", pdu, v)
			continue
		}
		opened.Transport = bytes.Clone(opened.Transport)
		all = append(all, opened)
	}
	return all
}

// audit wants each sequence number of the service used for one PDU only. The
// tape has each PDU once.
func (p *tape) audit(t *testing.T, of *dongle, h *bridge) {
	t.Helper()
	used := map[mesh.SequenceNumber]bool{}
	for _, pdu := range p.open(h, p.of(of)) {
		if pdu.Src != bridgeAddress {
			continue // relayed
		}
		if used[pdu.Seq] {
			t.Errorf("sequence number %d was used again: %+v", pdu.Seq, pdu)
		}
		used[pdu.Seq] = true
	}
	t.Logf("%d PDUs of the service, no sequence number twice", len(used))
	if len(used) < kills {
		t.Errorf("%d PDUs in the lives of %d services", len(used), kills)
	}
}

// replayed asks the service how many messages it has dropped as replays.
func replayed(t *testing.T) int {
	t.Helper()
	response, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^btmesh2mqtt_replayed_total (\d+)`).FindSubmatch(body)
	if found == nil {
		t.Fatalf("no replayed_total in the metrics:\n%s", body)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// awaitReplays waits until the service has dropped some more.
func awaitReplays(t *testing.T, before int) {
	t.Helper()
	const enough = 20
	poll := time.NewTicker(500 * time.Millisecond)
	defer poll.Stop()
	for late := time.Now().Add(patience); replayed(t)-before < enough; <-poll.C {
		if time.Now().After(late) {
			t.Fatalf("%d replays were heard, expected %d", replayed(t)-before, enough)
		}
	}
}
