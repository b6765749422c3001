package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The keys of the fake network; no output may contain them.
var (
	appKey    = crypto.Key([]byte("canaryAppKey0123"))
	deviceKey = crypto.Key([]byte("canaryDeviceKey4"))
)

// world is a service with a fake mesh, a store and a recorder as its broker, in
// a synctest bubble.
type world struct {
	t     *testing.T
	net   *fake.Network
	store store.Store
	cfg   bridge.Config
	svc   *bridge.Service
	out   *recorder
	logs  *bytes.Buffer // read it after stop only
	halt  context.CancelFunc
	ended chan error
}

// inBubble runs a test in a bubble.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		f(t, w)
	})
}

// newWorld makes all parts and starts nothing.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, net: fake.New(), store: store.NewMemory(), out: newRecorder(), logs: &bytes.Buffer{}}
	w.net.AppKey, w.net.DeviceKey = appKey, deviceKey
	topics, err := topic.New("b")
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = bridge.Config{
		Mesh: w.net, Store: w.store, Topics: topics, Address: 1, Network: "home", Version: "1.2.3",
		HomeAssistant: homeassistant.Options{Enabled: true, Prefix: "homeassistant", StatusTopic: "homeassistant/status"},
		Adapters:      func() []bridge.Adapter { return []bridge.Adapter{{ID: "hci0", State: "ok"}} },
		Logger:        zerolog.New(zerolog.SyncWriter(w.logs)).Level(zerolog.TraceLevel),
	}
	return w
}

// start runs the service and waits until it is idle.
func (w *world) start() {
	w.t.Helper()
	svc, err := bridge.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.svc, w.net.Report = svc, svc.Report
	ctx, cancel := context.WithCancel(context.Background())
	w.halt, w.ended = cancel, make(chan error, 1)
	go func() { w.ended <- svc.Run(ctx, w.out) }()
	synctest.Wait()
}

// stop ends the service if it runs.
func (w *world) stop() {
	w.t.Helper()
	if w.halt == nil {
		return
	}
	w.halt()
	if err := <-w.ended; err != nil {
		w.t.Error(err)
	}
	w.halt = nil
	w.checkPublished()
}

// restart starts a new process with the same store and broker.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

// pass advances the time.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// join adds devices under the given names and clears the recorded publications.
func (w *world) join(named map[string]*fake.Node) {
	w.t.Helper()
	for name, d := range named {
		w.net.Place(d)
		w.send("b/bridge/request/device/provision", `{"uuid":"`+d.UUID.String()+`","name":"`+name+`"}`)
	}
	pass(time.Minute)
	for _, r := range w.out.take("b/bridge/response/device/provision") {
		if !strings.Contains(r, `"status":"ok"`) {
			w.t.Fatal(r)
		}
	}
	w.out.take()
}

// send delivers a message from the broker and waits until it is handled.
func (w *world) send(topic, payload string) {
	w.svc.Handle(mqtt.Message{Topic: topic, Payload: []byte(payload)})
	synctest.Wait()
}

// request sends a request and waits for the response.
func (w *world) request(what, payload string) map[string]any {
	w.t.Helper()
	w.send("b/bridge/request/"+what, payload)
	for range 120 {
		if got := w.out.take("b/bridge/response/" + what); len(got) > 0 {
			if len(got) > 1 {
				w.t.Errorf("%d responses to %s", len(got), what)
			}
			return object(w.t, got[0])
		}
		pass(time.Second)
	}
	w.t.Fatalf("no response to %s %s", what, payload)
	return nil
}

// refused expects a request to fail with this code.
func (w *world) refused(what, payload, code string) {
	w.t.Helper()
	r := w.request(what, payload)
	if r["status"] != "error" || r["code"] != code || r["error"] == "" || r["data"] == nil {
		w.t.Errorf("%s %s: got %v, expected code %s", what, payload, r, code)
	}
}

// report reports an unsolicited message of a node.
func (w *world) report(d *fake.Node, element int, m access.Message) {
	w.t.Helper()
	payload, err := access.Append(nil, m)
	if err != nil {
		w.t.Fatal(err)
	}
	op, params, err := access.ParseOpcode(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	w.svc.Report(node.MessageReceived{Src: d.Address() + mesh.Address(element), Dst: 1, Opcode: op, Params: params})
	synctest.Wait()
}

// expect compares a retained value.
func (w *world) expect(topic, payload string) {
	w.t.Helper()
	if got := w.out.value(topic); got != payload {
		w.t.Errorf("%s:\n got %s\nwant %s", topic, got, payload)
	}
}

// listed returns bridge/devices or bridge/unprovisioned after the time that such a list
// waits for further changes.
func (w *world) listed(name string) string {
	w.t.Helper()
	pass(6 * time.Second)
	return w.out.value("b/bridge/" + name)
}

// recorder is a broker that records everything.
type recorder struct {
	mu       sync.Mutex
	retained map[string]string
	heard    []message
	all      []message // for the search for keys
	checked  int       // number of all messages checked with their descriptions
	count    map[string]int
	held     chan struct{} // nil: Event returns at once
}

type message struct{ topic, payload string }

func newRecorder() *recorder {
	return &recorder{retained: map[string]string{}, count: map[string]int{}}
}

func (r *recorder) Publish(topic string, payload []byte, retained bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, message{topic, string(payload)})
	r.count[topic]++
	if retained {
		r.retained[topic] = string(payload)
	}
}

// hold makes Event block until release, against its contract, to keep the
// bridge busy.
func (r *recorder) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = make(chan struct{})
}

func (r *recorder) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.held)
	r.held = nil
}

func (r *recorder) wait() {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if held != nil {
		<-held
	}
}

func (r *recorder) Event(topic string, payload []byte, _ byte) {
	r.wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	m := message{topic, string(payload)}
	r.all, r.heard = append(r.all, m), append(r.heard, m)
}

func (r *recorder) Clear(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.retained, topic)
}

// lose simulates a broker restart without persistence.
func (r *recorder) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.retained)
}

func (r *recorder) value(topic string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.retained[topic]
}

// published returns how often something was published to a topic.
func (r *recorder) published(topic string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[topic]
}

// standing lists the retained topics that contain a text.
func (r *recorder) standing(word string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var topics []string
	for t := range r.retained {
		if strings.Contains(t, word) {
			topics = append(topics, t)
		}
	}
	slices.Sort(topics)
	return topics
}

// take returns and removes the events of a topic, or all events.
func (r *recorder) take(topics ...string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var taken []string
	r.heard = slices.DeleteFunc(r.heard, func(m message) bool {
		if len(topics) > 0 && !slices.Contains(topics, m.topic) {
			return false
		}
		taken = append(taken, m.payload)
		return true
	})
	return taken
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// uuid is a UUID that ends with a number.
func uuid(n byte) mesh.UUID { return mesh.UUID{15: n} }
