package unprovisioned

import (
	"context"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// This file uses the Remote Provisioning Servers of other nodes to find devices that
// the bridge does not receive itself.

// heardVia records an unprovisioned device that another node has found.
func (p *Part) heardVia(e node.DeviceHeard) {
	now := p.h.Loop.Now().UTC().Truncate(time.Second)
	server := p.h.Devices.At(e.Via).Device
	if p.h.Devices.Joining(e.UUID) || server == nil {
		return
	}
	f := p.heard.entries[e.UUID]
	if f == nil {
		f = &entry{Unprovisioned: document.Unprovisioned{UUID: e.UUID, RSSI: document.Signal(e.RSSI), OOB: e.OOB, FirstSeen: now}}
		p.heard.add(f)
	}
	f.LastSeen, f.keptUntil = now, p.scanUntil
	if !slices.Contains(f.Bearers, "pb-remote") {
		f.Bearers = append(f.Bearers, "pb-remote")
	}
	name := server.Record.Name
	f.Via = slices.DeleteFunc(f.Via, func(r document.Via) bool { return r.Device == name })
	f.Via = append(f.Via, document.Via{Device: name, RSSI: document.Signal(e.RSSI)})
	slices.SortFunc(f.Via, func(a, b document.Via) int { return strings.Compare(a.Device, b.Device) })
	p.change()
	p.h.Log.Debug().Str("via", name).Stringer("uuid", e.UUID).Any("rssi", document.Signal(e.RSSI)).Msg("an unprovisioned device was found")
	p.found(document.DeviceFound{UUID: e.UUID, RSSI: document.Signal(e.RSSI), OOB: e.OOB, Via: name})
}

// Nearest returns the node with the best reception of an unprovisioned device that the
// bridge does not receive itself; unassigned if the bridge does, or no node does.
func (p *Part) Nearest(uuid mesh.UUID) mesh.Address {
	f := p.heard.entries[uuid]
	if f == nil || len(f.Via) == 0 || len(f.Bearers) != 1 {
		return mesh.Unassigned
	}
	best := slices.MaxFunc(f.Via, func(a, b document.Via) int { return strength(a) - strength(b) })
	if d := p.h.Devices.Find(best.Device); d != nil {
		return d.Record.Address
	}
	return mesh.Unassigned
}

// strength is the reception at a node. One that is not known counts as the weakest.
func strength(v document.Via) int {
	if v.RSSI == nil {
		return math.MinInt8
	}
	return int(*v.RSSI)
}

// remoteServers finds the devices that a request wants to scan.
func (p *Part) remoteServers(names []schema.Device) ([]*registry.Device, error) {
	var all []*registry.Device
	for _, name := range names {
		d, err := p.h.Devices.Named("remote", string(name))
		if err != nil {
			return nil, err
		}
		if !d.MayHave(foundation.RemoteProvisioningServerID) {
			return nil, fault.New("bad_value", "remote: %s has no Remote Provisioning Server", d.Record.Name)
		}
		all = append(all, d)
	}
	return all, nil
}

// eachServer calls do for all devices in parallel. It answers with the outcome of each,
// and with an error if none succeeded.
func (p *Part) eachServer(
	c *request.Call[scanOut], out *scanOut, servers []*registry.Device,
	do func(ctx context.Context, r *requester.Requester, peer state.Peer) (scanServer, error),
) {
	type task struct {
		name string
		to   *requester.Requester
		peer state.Peer
	}
	tasks := make([]task, 0, len(servers))
	for _, d := range servers {
		tasks = append(tasks, task{d.Record.Name, p.h.Requester(d).As(node.ClassConfiguration), d.Peer()})
	}
	p.h.Loop.Go(func(ctx context.Context) {
		outcomes := make([]scanServer, len(tasks))
		errs := make([]error, len(tasks))
		var all sync.WaitGroup
		for i, t := range tasks {
			all.Go(func() { outcomes[i], errs[i] = do(ctx, t.to, t.peer) })
		}
		all.Wait()
		p.h.Loop.Post(func() {
			out.Remote = map[string]scanServer{}
			var failed error
			done := 0
			for i, t := range tasks {
				out.Remote[t.name] = outcomes[i]
				if errs[i] != nil {
					failed = errs[i]
					out.Remote[t.name] = scanServer{Code: fault.Code(errs[i]), Error: fault.Text(errs[i])}
					continue
				}
				done++
			}
			if done > 0 {
				failed = nil
			}
			c.Answer(out, failed)
		})
	})
}

// scanRemotely starts or ends the scans of devices.
func (p *Part) scanRemotely(c *request.Call[scanOut], servers []*registry.Device, seconds float64) {
	duration := time.Duration(seconds * float64(time.Second))
	p.eachServer(c, &scanOut{Time: &seconds}, servers, func(ctx context.Context, r *requester.Requester, peer state.Peer) (scanServer, error) {
		scanning := min(duration, commission.MaxScan).Truncate(time.Second)
		took := scanning.Seconds()
		return scanServer{Time: &took}, commission.Scan(ctx, r, peer, scanning)
	})
}

// describeRemotely asks devices for the extended scan report of an unprovisioned one.
func (p *Part) describeRemotely(c *request.Call[scanOut], id string, servers []*registry.Device, seconds float64) {
	uuid, err := mesh.ParseUUID(id)
	if err != nil {
		c.Fail(fault.New("bad_value", "uuid: expected 32 hexadecimal digits"))
		return
	}
	duration := time.Duration(seconds * float64(time.Second))
	p.eachServer(c, &scanOut{UUID: &uuid}, servers, func(ctx context.Context, r *requester.Requester, peer state.Peer) (scanServer, error) {
		d, err := commission.Describe(ctx, r, peer, uuid, duration)
		if err != nil {
			return scanServer{}, err
		}
		oob := uint16(d.OOB)
		return scanServer{ADStructures: hex.EncodeToString(d.Others), Name: d.Name, OOB: &oob, URI: d.URI}, nil
	})
}
