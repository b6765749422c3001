package capture_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/capture"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/keep"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Vendor messages of the largest length of an access message.
const (
	vendor                   = 0x05F1
	vendorCall   mesh.Opcode = 0xC1F105
	vendorAnswer mesh.Opcode = 0xC2F105
	vendorOctets             = access.MaxPayload - 3
)

// echo is a vendor model that returns the message it received.
type echo struct{}

func (echo) ID() mesh.ModelID       { return mesh.VendorModel(vendor, 1) }
func (echo) Opcodes() []mesh.Opcode { return []mesh.Opcode{vendorCall} }
func (echo) Receive(ctx access.Context, in *access.Incoming) {
	ctx.Reply(&access.Raw{Code: vendorAnswer, Params: slices.Clone(in.Params)})
}

// stack is a node with everything below it.
type stack struct {
	node       *node.Node
	bearer     *advertiser.Bearer
	controller *controller.Controller

	mu       sync.Mutex
	received []string
}

// Addresses of the two nodes in a simulated network, and of their adapters.
const (
	bridge = 0
	plug   = 1
)

func newStack(t *testing.T, number int, elements []access.Element, open controller.Opener) *stack {
	t.Helper()
	const ttl = 5
	s := &stack{}
	var err error
	s.node, err = node.Open(node.Config{
		Options: node.Options{Elements: elements, Random: sim.Random(1, number), Monitor: true},
		Store:   store.NewMemory(),
		Report:  s.report,
	}, func() (node.Saved, error) { return sim.Configured(number, ttl, elements), nil })
	if err != nil {
		t.Fatal(err)
	}
	s.bearer = advertiser.New(advertiser.Config{Receive: s.node.Receive})
	s.controller = controller.New(controller.Config{
		Name: fmt.Sprint(number), Open: open, Hosts: []controller.Host{s.bearer},
	})
	return s
}

func newBridge(t *testing.T, open controller.Opener) *stack {
	return newStack(t, bridge, []access.Element{{Models: []access.Model{access.Client(generic.OnOffClientID)}}}, open)
}

func newPlug(t *testing.T, open controller.Opener) *stack {
	elements := device.NewPlug().Elements()
	elements[0].Models = append(elements[0].Models, echo{})
	return newStack(t, plug, elements, open)
}

func (s *stack) report(e node.Event) {
	if m, ok := e.(node.MessageReceived); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.received = append(s.received, fmt.Sprintf("%s %s %s %x", m.Src, m.Dst, m.Opcode, m.Params))
	}
}

func (s *stack) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// start runs the stack until ctx ends.
func (s *stack) start(ctx context.Context, parts *sync.WaitGroup) {
	parts.Go(func() { _ = s.controller.Run(ctx) }) // returns the context's error
	parts.Go(func() { s.node.Run(ctx, s.bearer) })
}

// session captures how the bridge switches the plug and exchanges the longest
// messages with it. It returns what each of the two received.
func session(t *testing.T, path string) (ofBridge, ofPlug []string) {
	t.Helper()
	recorder, err := capture.Create(capture.Options{Path: path, Note: "a session of two nodes"})
	if err != nil {
		t.Fatal(err)
	}
	air := virtual.NewAir(virtual.AirOptions{Seed: 1})
	air.SetDefaultLink(virtual.Link{Loss: 0.1})
	open := func(number int, name string) controller.Opener {
		chip, err := air.Attach(virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000000 + uint64(number))})
		if err != nil {
			t.Fatal(err)
		}
		return func(context.Context) (transport.Transport, error) {
			return recorder.Tap(chip.Transport(), uint16(number), name), nil
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	b, p := newBridge(t, open(bridge, "bridge")), newPlug(t, open(plug, "plug"))
	b.start(ctx, &parts)
	p.start(ctx, &parts)
	time.Sleep(time.Second) // simulated: controllers are reset and scan
	for i := range 10 {
		request, err := sim.Switch(sim.Address(plug), i%2 == 0, uint8(i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.node.Request(ctx, request); err != nil {
			t.Errorf("set %d: %v", i, err)
		}
		payload, err := access.Append(nil, &access.Raw{Code: vendorCall, Params: bytes.Repeat([]byte{byte(i)}, vendorOctets)})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.node.Request(ctx, node.Request{
			Dst: sim.Address(plug), TTL: mesh.DefaultTTL, Payload: payload, Respond: vendorAnswer,
			Accept: func(params []byte) bool { return bytes.Equal(params, payload[3:]) },
		})
		if err != nil || len(answer.Params) != vendorOctets {
			t.Errorf("vendor message %d: %d octets, %v", i, len(answer.Params), err)
		}
	}
	time.Sleep(time.Minute) // simulated: retransmissions end
	stop()
	parts.Wait()
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if s := recorder.Stats(); s.Dropped > 0 {
		t.Errorf("%+v", s)
	}
	_ = air.Close() // it never fails
	// The cryptography runs on the host: no key is sent to a controller.
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{"NetKey": sim.NetKey().Reveal(), "AppKey": sim.AppKey().Reveal()} {
		if bytes.Contains(data, key) {
			t.Errorf("the capture has the %s", name)
		}
	}
	return b.messages(), p.messages()
}

// A node with the same keys reads the same messages when the capture is
// replayed to it, including those in 32 segments.
func TestReplayIsDecodedTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := keep.File(t, "session.btsnoop")
		ofBridge, ofPlug := session(t, path)
		if len(ofBridge) < 20 || len(ofPlug) < 20 {
			t.Fatalf("the bridge received %d messages, the plug %d", len(ofBridge), len(ofPlug))
		}
		for _, test := range []struct {
			adapter uint16
			make    func(*testing.T, controller.Opener) *stack
			want    []string
		}{{bridge, newBridge, ofBridge}, {plug, newPlug, ofPlug}} {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			replay, err := capture.NewReplay(f, capture.ReplayOptions{Adapter: test.adapter, Paced: true})
			_ = f.Close() // read only
			if err != nil {
				t.Fatal(err)
			}
			s := test.make(t, func(context.Context) (transport.Transport, error) { return replay, nil })
			ctx, stop := context.WithCancel(t.Context())
			var parts sync.WaitGroup
			s.start(ctx, &parts)
			<-replay.Done()
			time.Sleep(time.Minute) // simulated
			stop()
			parts.Wait()
			if got := s.messages(); !slices.Equal(got, test.want) {
				t.Errorf("adapter %d: received %d messages, and %d in the replay", test.adapter, len(test.want), len(got))
			}
		}
	})
}

// read runs a program on the capture of a session. Fake time has passed by
// then, because a program cannot run in it.
func read(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	path := keep.File(t, "session.btsnoop")
	synctest.Test(t, func(t *testing.T) { session(t, path) })
	cmd := exec.CommandContext(t.Context(), program, append(arguments, path)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, &complaints)
	}
	return string(out)
}

// BlueZ's btmon recognises every part of a capture.
func TestBtmonReadsIt(t *testing.T) {
	text := read(t, need.Program(t, "btmon", "bluez"), "-r")
	for _, want := range []string{
		"= Note: a session of two nodes",
		"= Note: hci1 is plug",
		"= New Index: 00:00:00:00:00:00 (Primary,Virtual,plug)",
		"= Open Index: 00:00:00:00:00:00",
		"= Index Info: C0:FF:EE:00:00:01",
		"LE Set Extended Scan Enable (0x08|0x0042) ncmd 1",
		"LE Extended Advertising Set Terminated",
		"LE Extended Advertising Report",
		"= Close Index: C0:FF:EE:00:00:01",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("btmon does not print %q", want)
		}
	}
}

// Wireshark recognises the packets and the mesh PDUs in them.
func TestWiresharkReadsIt(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("Wireshark's tshark is not installed; btmon is the program that must read a capture")
	}
	text := read(t, tshark, "-r")
	for _, want := range []string{"HCI_MON", "New Index", "LE Set Extended Scan Enable", "BT Mesh", "LE Extended Advertising Report"} {
		if !strings.Contains(text, want) {
			t.Errorf("tshark does not print %q", want)
		}
	}
}
