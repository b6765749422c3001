package commission

import (
	"context"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// MaxScan is the longest scan of a Remote Provisioning Server.
const MaxScan = 255 * time.Second

// Scan makes the Remote Provisioning Server of a node look for unprovisioned
// devices (section 4.3.4); a duration of 0 ends the scan. The mesh reports what it finds
// as DeviceHeard events.
func Scan(ctx context.Context, r Requester, peer state.Peer, duration time.Duration) error {
	var status *remoteprovisioning.ScanStatus
	var err error
	if seconds := uint8(min(duration, MaxScan) / time.Second); seconds > 0 {
		status, err = ask[remoteprovisioning.ScanStatus](ctx, r, server(peer), &remoteprovisioning.ScanStart{Timeout: seconds}, nil)
	} else {
		status, err = ask[remoteprovisioning.ScanStatus](ctx, r, server(peer), &remoteprovisioning.ScanStop{}, nil)
	}
	if err != nil {
		return fmt.Errorf("commission: %s does not scan: %w", peer.Address, err)
	}
	if status.Status != remoteprovisioning.Success {
		return fmt.Errorf("commission: %s does not scan: its status is %v", peer.Address, status.Status)
	}
	return nil
}

// Details is what a Remote Provisioning Server tells of an unprovisioned device.
type Details struct {
	OOB    beacon.OOB
	Name   string
	URI    string // as in its advertisement: scheme code and rest
	Others []byte // further AD structures
}

// AD types of the Assigned Numbers.
const (
	adName = 0x09 // complete local name
	adURI  = 0x24
)

// Describe asks the Remote Provisioning Server of a node for more about an
// unprovisioned device (section 4.4.5). duration is how long the node listens, 1 s to
// 21 s.
func Describe(ctx context.Context, r Requester, peer state.Peer, uuid mesh.UUID, duration time.Duration) (*Details, error) {
	const longest, margin = 21 * time.Second, 5 * time.Second
	duration = max(min(duration, longest), time.Second)
	to := server(peer)
	to.wait = duration + margin
	report, err := ask(ctx, r, to, &remoteprovisioning.ExtendedScanStart{
		ADTypeFilter: []uint8{adName, adURI}, HasUUID: true, UUID: uuid, Timeout: uint8(duration / time.Second),
	}, func(m *remoteprovisioning.ExtendedScanReport) bool { return m.UUID == uuid })
	switch {
	case err != nil:
		return nil, fmt.Errorf("commission: %s does not scan: %w", peer.Address, err)
	case report.Status != remoteprovisioning.Success:
		return nil, fmt.Errorf("commission: %s does not scan: its status is %v", peer.Address, report.Status)
	case !report.HasOOBInformation:
		return nil, fmt.Errorf("commission: %s has not heard the device within %v", peer.Address, duration)
	}
	d := &Details{OOB: report.OOBInformation}
	for rest := report.ADStructures; len(rest) > 1; {
		n := int(rest[0])
		if n == 0 || n >= len(rest) {
			break // the structures after it cannot be separated
		}
		switch kind, data := rest[1], rest[2:n+1]; kind {
		case adName:
			d.Name = string(data)
		case adURI:
			d.URI = string(data)
		default:
			d.Others = append(d.Others, rest[:n+1]...)
		}
		rest = rest[n+1:]
	}
	return d, nil
}
