package advertiser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// radio is a bearer on a virtual controller.
type radio struct {
	*Bearer
	virtual    *virtual.Controller
	controller *controller.Controller
	stop       func()

	mu      sync.Mutex
	heard   []bearer.Incoming
	running int
	refuse  func(op packet.Opcode, params []byte) packet.Status
}

// room is a simulated air with a log of what was sent.
type room struct {
	t   *testing.T
	air *virtual.Air
	mu  sync.Mutex
	log []event
}

// event is one advertising event.
type event struct {
	at     time.Duration
	from   packet.Address
	handle uint8
	pdu    string // the octets of the PDU as text
}

// inRoom runs f in a bubble with an air.
func inRoom(t *testing.T, f func(t *testing.T, r *room)) {
	synctest.Test(t, func(t *testing.T) {
		r := &room{t: t, air: virtual.NewAir(virtual.AirOptions{Seed: 1})}
		t.Cleanup(func() { _ = r.air.Close() })
		r.air.Sniff(func(a *virtual.Advertisement) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.log = append(r.log, event{at: a.Elapsed, from: a.From, handle: a.Handle, pdu: string(a.Data[2:])})
		})
		f(t, r)
	})
}

// radio attaches a controller and runs a bearer on it until the bubble ends.
func (r *room) radio(options virtual.Options, cfg Config) *radio {
	r.t.Helper()
	return r.tuned(options, cfg, nil)
}

// radioRefusing attaches a controller that refuses some optional commands.
func (r *room) radioRefusing(options virtual.Options, refuse func(op packet.Opcode, params []byte) packet.Status) *radio {
	r.t.Helper()
	return r.tuned(options, Config{}, refuse)
}

func (r *room) tuned(options virtual.Options, cfg Config, refuse func(op packet.Opcode, params []byte) packet.Status) *radio {
	r.t.Helper()
	v, err := r.air.Attach(options)
	if err != nil {
		r.t.Fatal(err)
	}
	d := &radio{virtual: v, refuse: refuse}
	cfg.Receive = func(in *bearer.Incoming) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.heard = append(d.heard, *in)
	}
	d.Bearer = New(cfg)
	d.controller = controller.New(controller.Config{
		Name: options.Address.String(),
		Open: func(context.Context) (transport.Transport, error) {
			return &tapped{Transport: v.Transport(), d: d}, nil
		},
		Hosts: []controller.Host{d.Bearer},
		Status: func(s controller.Status) {
			if s.State == controller.Running {
				d.mu.Lock()
				d.running++
				d.mu.Unlock()
			}
		},
	})
	d.stop = d.start()
	r.t.Cleanup(d.stop)
	time.Sleep(time.Millisecond) // virtual time: the controller has started
	return d
}

// start runs the controller until stop is called.
func (d *radio) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.controller.Run(ctx)
	}()
	return sync.OnceFunc(func() {
		cancel()
		<-ended
	})
}

// tapped refuses some commands on behalf of the controller.
type tapped struct {
	transport.Transport
	d *radio
}

func (t *tapped) Write(p []byte) error {
	op, params, err := packet.ParseCommand(p)
	if err != nil {
		panic(err) // the controller writes nothing else
	}
	t.d.mu.Lock()
	status := packet.StatusSuccess
	if t.d.refuse != nil {
		status = t.d.refuse(op, params)
	}
	t.d.mu.Unlock()
	if status == packet.StatusSuccess {
		return t.Transport.Write(p)
	}
	t.d.virtual.Inject([]byte{4, 0x0e, 4, 1, byte(op & 0xff), byte(op >> 8), byte(status)})
	return nil
}

// texts returns what was heard, as text.
func (d *radio) texts() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var texts []string
	for i := range d.heard {
		texts = append(texts, string(d.heard[i].PDU()))
	}
	return texts
}

// events returns what was sent, with times.
func (r *room) events() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]event(nil), r.log...)
}

// said lists the PDUs on the air in order. Repetitions in a row have a count:
// "a*3 b*3".
func (r *room) said() string {
	var runs []string
	last, n := "", 0
	flush := func() {
		if n > 0 {
			runs = append(runs, fmt.Sprintf("%s*%d", last, n))
		}
	}
	for _, e := range r.events() {
		if e.pdu != last {
			flush()
			last, n = e.pdu, 0
		}
		n++
	}
	flush()
	return strings.Join(runs, " ")
}

// first is when a PDU was first on the air.
func (r *room) first(pdu string) time.Duration {
	for _, e := range r.events() {
		if e.pdu == pdu {
			return e.at
		}
	}
	r.t.Helper()
	r.t.Fatalf("%q was never on the air", pdu)
	return 0
}

func pdu(lane bearer.Lane, text string, count int, interval time.Duration) bearer.Outgoing {
	return bearer.NewOutgoing(bearer.Message, lane, bearer.Transmit{Count: count, Interval: interval}, []byte(text))
}

func (d *radio) send(t *testing.T, o bearer.Outgoing) {
	t.Helper()
	if err := d.Send(o); err != nil {
		t.Fatal(err)
	}
}

var (
	addressA = virtual.MakeAddress(0xC0FFEE000001)
	addressB = virtual.MakeAddress(0xC0FFEE000002)
)
