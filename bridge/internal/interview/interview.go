// Package interview reads the composition data of a device and configures it (package
// commission): device/interview, and after a device has joined. The commands of a
// device wait while it is interviewed.
//
//	joined, device/interview ─▶ commission.Configure ─▶ record ─▶ state, discovery
//	                                  └─ steps ─▶ bridge/event
package interview

import (
	"cmp"
	"context"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Availability notes whether a device answers, and asks it for its state.
type Availability interface {
	SetOnline(d *registry.Device, online bool)
	Unanswered(d *registry.Device)
	Refresh(d *registry.Device)
}

// States publishes a device that was interviewed.
type States interface{ Interviewed(d *registry.Device) }

// Commands sends the commands that wait for a device.
type Commands interface{ Resume(d *registry.Device) }

// KeyRefreshes is the key refresh that may go on meanwhile.
type KeyRefreshes interface {
	Refreshes(index mesh.KeyIndex) bool
	Include(d *registry.Device)
}

// Part interviews devices. Make it with New.
type Part struct {
	part.None
	h            *part.Host
	availability Availability
	states       States
	commands     Commands
	refreshes    KeyRefreshes
	products     products
}

// New makes the part.
func New(h *part.Host, a Availability, s States, c Commands, k KeyRefreshes) *Part {
	return &Part{h: h, availability: a, states: s, commands: c, refreshes: k}
}

// Start implements part.Part.
func (p *Part) Start() {
	for _, d := range p.h.Devices.Sorted() {
		p.products.add(d.Record)
	}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(interviewMeta(), p.request)}
}

// request is device/interview.
func (p *Part) request(c *request.Call[document.DeviceReference], in interviewIn) {
	d, err := p.h.Devices.Named("id", string(in.ID))
	if err == nil {
		err = p.h.Devices.Idle(d)
	}
	if err == nil {
		err = p.h.RadioDown()
	}
	if err != nil {
		c.Fail(err)
		return
	}
	p.interview(d, in.Publications, false, c.Answer)
}

// Interview reads the composition data of a device and configures it.
func (p *Part) Interview(d *registry.Device, reply part.DeviceAnswer) {
	p.interview(d, "", false, reply)
}

// Joined interviews a device that was just provisioned: directly, if it is in reach of the
// bridge's own radio.
func (p *Part) Joined(d *registry.Device, direct bool, reply part.DeviceAnswer) {
	p.interview(d, "", direct, reply)
}

// interview is Interview. Without publications they are those of the last interview.
func (p *Part) interview(d *registry.Device, publications string, direct bool, reply part.DeviceAnswer) {
	if p.h.Loop.Stopping() {
		reply(d.Who(), node.ErrStopped)
		return
	}
	d.Busy = true
	before := d.Record.Interview
	d.Record.Interview = device.InProgress
	p.h.Records.Keep(d)
	p.notify(d, document.DeviceInterview{Status: "started"})
	peer, to := d.Peer(), p.h.Requester(d).As(node.ClassConfiguration)
	options := commission.Options{
		KeepPublications: d.Record.Imported, Refreshing: p.refreshes.Refreshes(peer.NetKey),
		ReplaceKey: d.Record.KeyLost, First: d.Record.Composition == nil, Direct: direct,
		Publications: commission.Publications(cmp.Or(publications, d.Record.Publications, string(commission.PublishNeeded))),
	}
	switch {
	case d.Record.Imported:
	case options.First:
		options.Known = p.products.find
	default:
		options.EndOthers = d.Record.Publications != string(commission.PublishNeeded)
	}
	progress := func(step commission.Step) {
		p.h.Loop.Post(func() {
			p.notify(d, document.DeviceInterview{Status: "in_progress", Step: step.Name, Done: step.Done, Total: step.Total})
		})
	}
	p.h.Loop.Go(func(ctx context.Context) {
		result, err := p.configure(ctx, to, peer, options, progress)
		p.h.Loop.Post(func() { p.ended(d, before, &options, result, err, reply) })
	})
}

// configure runs the interview in a worker.
func (p *Part) configure(
	ctx context.Context, to *requester.Requester, peer state.Peer, o commission.Options, progress func(commission.Step),
) (*commission.Result, error) {
	app, err := p.appKeyOf(ctx, peer.NetKey)
	if err != nil {
		return nil, err
	}
	key, err := p.h.Mesh.ApplicationKey(ctx, app)
	if err != nil {
		return nil, err
	}
	o.NetKey, o.AppKey, o.Key, o.Bridge = peer.NetKey, app, key, p.h.Address
	result, err := commission.Configure(ctx, requester.Patient{Requester: to}, o, peer, progress)
	if err == nil && result.Silent {
		err = p.h.Mesh.Shrink(ctx, peer.UUID, len(result.Composition.Elements))
	}
	return result, err
}

// appKeyOf returns the AppKey for messages to the devices of a subnet.
func (p *Part) appKeyOf(ctx context.Context, net mesh.KeyIndex) (mesh.KeyIndex, error) {
	var index mesh.KeyIndex
	err := p.h.Mesh.Keys(ctx, func(keys configuration.Keys) error {
		for _, app := range keys.State().AppKeys {
			if app.NetKey == net {
				index = app.Index
				return nil
			}
		}
		return fault.New("no_app_key", "bridge: subnet %d has no AppKey for messages to its devices; add one with appkey/add", net)
	})
	return index, err
}

// ended takes the outcome of an interview.
func (p *Part) ended(
	d *registry.Device, before device.Interview, o *commission.Options, result *commission.Result, err error, reply part.DeviceAnswer,
) {
	d.Busy = false
	p.refreshes.Include(d)
	if !p.h.Devices.Has(d) {
		reply(nil, fmt.Errorf("%w during its interview: %s", fault.ErrRemoved, d.Record.Name))
		return
	}
	if err = p.h.Explain(err); err != nil {
		p.failed(d, before, err)
		reply(d.Who(), err)
		p.commands.Resume(d)
		return
	}
	if d.Record.KeyLost || d.Record.AppKey != result.AppKey {
		d.Record.TransferBound = false // to this key
	}
	d.Record.AppKey, d.Record.KeyLost = result.AppKey, false
	d.Record.Publications = string(o.Publications)
	d.Record.Composition = result.Composition
	d.Record.Details = result.Details
	d.Record.Skipped = result.Skipped
	d.Record.Interview = device.Successful
	p.products.add(d.Record)
	p.surplus(d, result)
	p.h.Records.Keep(d)
	d.Describe()
	for _, skipped := range result.Skipped {
		p.h.Log.Warn().Str("device", d.Record.Name).Msg(skipped)
	}
	p.h.Log.Info().Str("device", d.Record.Name).Int("elements", d.Record.Elements()).Msg("the device is configured")
	p.notify(d, document.DeviceInterview{Status: "successful"})
	d.Near = o.Direct
	p.availability.SetOnline(d, true)
	p.states.Interviewed(d)
	p.availability.Refresh(d)
	reply(d.Who(), nil)
	p.commands.Resume(d)
}

// surplus tells what becomes of the addresses of elements that a device claimed and does
// not have.
func (p *Part) surplus(d *registry.Device, result *commission.Result) {
	if result.Unused == 0 {
		return
	}
	p.h.Devices.Trim(d)
	listed := len(result.Composition.Elements)
	first := d.Record.Address + mesh.Address(listed)
	last := first + mesh.Address(result.Unused-1)
	if !result.Silent {
		p.h.Publisher.Warn(d.Record.Name, "%s claims %d elements and lists %d; it may answer at %s to %s, so these addresses stay with it until it is removed",
			d.Record.Name, listed+result.Unused, listed, first, last)
		return
	}
	d.Record.Count = listed
	p.h.Publisher.Warn(d.Record.Name, "%s claims %d elements and lists %d; it does not answer at %s to %s, so other devices can get these addresses",
		d.Record.Name, listed+result.Unused, listed, first, last)
}

func (p *Part) failed(d *registry.Device, before device.Interview, err error) {
	d.Record.Interview = device.Failed
	if before == device.Successful || fault.Stopped(err) {
		d.Record.Interview = before // the former result is still valid
	}
	p.h.Records.Keep(d)
	p.notify(d, document.DeviceInterview{Status: "failed", Code: fault.Code(err), Error: fault.Text(err)})
	if fault.Stopped(err) {
		return // it is repeated after the next start
	}
	p.h.Log.Warn().Str("device", d.Record.Name).Err(err).Msg("the interview failed; it can be repeated with device/interview")
	if fault.Unanswered(err) {
		p.availability.Unanswered(d)
	}
}

// notify publishes and logs how far an interview is.
func (p *Part) notify(d *registry.Device, step document.DeviceInterview) {
	step.Name, step.UUID = d.Record.Name, d.Record.UUID
	p.h.Publisher.Notify(step)
	e := p.h.Log.Debug().Str("device", step.Name).Str("status", step.Status)
	if step.Step != "" {
		e.Str("step", step.Step).Int("done", step.Done).Int("total", step.Total)
	}
	if step.Code != "" {
		e.Str("code", step.Code).Str("error", step.Error)
	}
	e.Msg("interview")
}
