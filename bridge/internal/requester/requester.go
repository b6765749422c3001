package requester

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

// Mesh sends a message and waits for its outcome; *node.Node does.
type Mesh interface {
	Request(ctx context.Context, r node.Request) (node.Response, error)
}

// Requesters makes the requesters of devices.
type Requesters struct {
	Mesh     Mesh
	Messages *access.Registry
	Log      zerolog.Logger
}

// For makes one for a device as it is called now. Its messages are commands.
func (r *Requesters) For(d *device.Record) *Requester {
	return &Requester{of: r, Device: d.Name, Address: d.Address, NetKey: d.NetKey, AppKey: d.AppKey}
}

// At makes one for a device, or for a group without a name, whose requests have
// their keys themselves.
func (r *Requesters) At(name string, address mesh.Address) *Requester {
	return &Requester{of: r, Device: name, Address: address}
}

// FlowSend is the flow of messages that users send with mesh/send. Everything else is
// in flow 0.
const FlowSend node.Flow = 1

// Requester sends messages to one device and logs what came of each. A worker may
// keep one.
type Requester struct {
	of      *Requesters
	Device  string       // friendly name
	Address mesh.Address // of the first element
	NetKey  mesh.KeyIndex
	AppKey  mesh.KeyIndex
	// Offline says that the device is not expected to answer.
	Offline bool

	class    node.Class
	attempts int // at most; 0 for the default
	near     bool
}

// As makes one whose messages are of another class than commands.
func (r *Requester) As(c node.Class) *Requester {
	other := *r
	other.class = c
	return &other
}

// Near makes one whose messages are not relayed at first (commission.Direct).
func (r *Requester) Near() *Requester {
	other := *r
	other.near = true
	return &other
}

// Few makes one that sends each message a few times at most: for what is asked again
// later anyway.
func (r *Requester) Few() *Requester {
	const few = 3
	other := *r
	other.attempts = few
	if r.Offline {
		other.attempts = 1
	}
	return &other
}

var (
	_ commission.Requester = (*Requester)(nil)
	_ commission.Requester = Patient{}
)

// Request sends a message and waits for its outcome, as node.Node.Request does.
func (r *Requester) Request(ctx context.Context, q node.Request) (node.Response, error) {
	began := time.Now()
	if q.Class == node.ClassCommand {
		q.Class = r.class
	}
	if q.Attempts == 0 {
		q.Attempts = r.attempts
	}
	q.Offline = r.Offline
	var way commission.Requester = r.of.Mesh
	if r.near {
		way = &commission.Direct{Requester: way}
	}
	response, err := way.Request(ctx, q)
	e := r.of.Log.Debug()
	if !e.Enabled() {
		return response, err
	}
	e.Str("device", r.Device).Stringer("dst", q.Dst).Int("element", int(q.Dst)-int(r.Address))
	if op, params, malformed := access.ParseOpcode(q.Payload); malformed == nil {
		Describe(e, r.of.Messages, op, params)
	}
	e.Str("key", KeyName(q.Key.IsDevice())).Int("attempts", response.Attempts)
	rtt, outcome := response.RTT, "ok"
	if err != nil {
		rtt, outcome = time.Since(began), fault.Code(err)
	}
	e.Int64("rtt_ms", rtt.Milliseconds()).Str("outcome", outcome).AnErr("error", err).Msg("sent")
	return response, err
}

// Patient gives a device that sleeps time to wake up, for each request anew.
type Patient struct{ *Requester }

// Request implements commission.Requester.
func (p Patient) Request(ctx context.Context, q node.Request) (node.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, commission.Timeout)
	defer cancel()
	return p.Requester.Request(ctx, q)
}
