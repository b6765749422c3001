package bridge

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// This file adds a part with a request that reports progress. It changes
// nothing else: the part is registered by the last argument of newService,
// which is appended to the table of parts.

// countdown is the part.
type countdown struct {
	part.None
	h       *part.Host
	waiting *request.ProgressCall[countdownOut]
	left    int
	in      countdownIn
}

type countdownIn struct {
	ID    schema.Device `json:"id" doc:"a device to count for" required:"true"`
	From  int           `json:"from" doc:"the first number" min:"1" max:"10" unit:"seconds" default:"3"`
	Magic string        `json:"magic" doc:"the text at the end" secret:"true"`
}

type countdownOut struct {
	Counted int    `json:"counted" doc:"the seconds"`
	Name    string `json:"name" doc:"the device"`
}

func newCountdown(h *part.Host) part.Part { return &countdown{h: h} }

func (p *countdown) Requests() []request.Definition {
	return []request.Definition{request.DefineWithProgress(request.Meta{
		Name: "device/countdown", Summary: "Count the seconds", Duration: 3 * time.Second,
		Errors: []string{"unknown_device", "busy"}, Example: request.Example{In: `{"id":"plug","from":3}`},
	}, p.begin)}
}

func (p *countdown) begin(c *request.ProgressCall[countdownOut], in countdownIn) {
	if p.waiting != nil {
		c.Fail(fault.New("busy", "a countdown is running"))
		return
	}
	if _, err := p.h.Devices.Named("id", string(in.ID)); err != nil {
		c.Fail(err)
		return
	}
	p.waiting, p.in, p.left = c, in, in.From
}

// Second implements part.Part.
func (p *countdown) Second(int) {
	if p.waiting == nil {
		return
	}
	p.left--
	p.waiting.Progress(request.Progress{Step: "second", Done: p.in.From - p.left, Total: p.in.From})
	if p.left == 0 {
		p.waiting.Answer(&countdownOut{Counted: p.in.From, Name: string(p.in.ID)}, nil)
		p.waiting = nil
	}
}

// sink records what was published.
type sink struct {
	mu     sync.Mutex
	events []string
}

func (s *sink) Publish(string, []byte, bool) {}
func (s *sink) Clear(string)                 {}

func (s *sink) Event(topic string, payload []byte, _ byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, topic+" "+string(payload))
}

func (s *sink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.events, "\n")
	s.events = nil
	return all
}

func TestRequestWithProgressIsOneFileAndOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics, err := topic.New("b")
		if err != nil {
			t.Fatal(err)
		}
		network, out := fake.New(), &sink{}
		network.Join(fake.Plug(mesh.UUID{15: 1}))
		var log strings.Builder
		cfg := Config{
			Mesh: network, Store: store.NewMemory(), Topics: topics, Address: 1, HomeAssistant: homeassistant.Options{},
			Logger: zerolog.New(zerolog.SyncWriter(&log)),
		}
		s, err := newService(cfg, newCountdown)
		if err != nil {
			t.Fatal(err)
		}
		network.Report = s.Report
		ctx, halt := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx, out) }()
		time.Sleep(time.Minute + time.Second/2)
		out.take()
		ask := func(payload string) {
			s.Handle(mqtt.Message{Topic: "b/bridge/request/device/countdown", Payload: []byte(payload)})
			synctest.Wait()
		}
		for payload, want := range map[string]string{
			`{"from":3}`:                         `"code":"bad_value"`,
			`{"id":"lamp"}`:                      `"code":"unknown_device"`,
			`{"id":"device_00000001","from":11}`: `"error":"from: expected 1 to 10 seconds, got 11"`,
			`{"id":"device_00000001","to":1}`:    `unknown field \"to\"`,
		} {
			if ask(payload); !strings.Contains(out.take(), want) {
				t.Errorf("%s is not answered with %s", payload, want)
			}
		}

		ask(`{"id":"device_00000001","from":2,"magic":"abracadabra","transaction":7}`)
		ask(`{"id":"device_00000001"}`)
		time.Sleep(5 * time.Second)
		const want = `b/bridge/response/device/countdown {"status":"error","data":{},"error":"a countdown is running","code":"busy"}
b/bridge/event {"data":{"done":1,"request":"device/countdown","step":"second","total":2,"transaction":7},"type":"request_progress"}
b/bridge/event {"data":{"done":2,"request":"device/countdown","step":"second","total":2,"transaction":7},"type":"request_progress"}
b/bridge/response/device/countdown {"status":"ok","data":{"counted":2,"name":"device_00000001"},"transaction":7}`
		if got := out.take(); got != want {
			t.Errorf("got\n%s\nexpected\n%s", got, want)
		}
		halt()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if text := log.String(); strings.Contains(text, "abracadabra") || !strings.Contains(text, `"payload":{"from":2,"id":"device_00000001","transaction":7}`) {
			t.Errorf("log:\n%s", text)
		}

		// The rest follows from the description.
		d, ok := s.requests.Lookup("device/countdown")
		if !ok || strings.Join(d.Secrets(), "") != "magic" {
			t.Fatalf("description %+v", d)
		}
		in, err := json.Marshal(d.Input())
		if err != nil || !strings.Contains(string(in), `"maximum":10`) {
			t.Errorf("schema %s, %v", in, err)
		}
		page, err := s.requests.Markdown(document.Codes())
		if err != nil || !strings.Contains(page, "### device/countdown\n\nCount the seconds. The answer usually comes within 3 seconds. Meanwhile there are events of type `request_progress`.") {
			t.Errorf("the page does not describe the request: %v", err)
		}
	})
}
