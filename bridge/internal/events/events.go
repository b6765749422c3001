// Package events tells on bridge/event, and in the log, what happened to the
// bridge's own node: the connection to a GATT proxy, another IV index, a reset
// that was refused, a fault of the node.
package events

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
)

// Part publishes what happens to the bridge's own node. Make it with New.
type Part struct {
	part.None
	h       *part.Host
	fault   string // that there was a warning of last
	faulted time.Time
	proxies proxyFailures
}

// New makes the part.
func New(h *part.Host) *Part { return &Part{h: h} }

// Start implements part.Part.
func (p *Part) Start() {
	if p.h.Own.Summary().IVIndexUnknown {
		p.h.Log.Warn().Msg("the IV index of the network is not known yet: nothing is sent until a node in reach tells it in a beacon or a message")
	}
}

// Event implements part.Part.
func (p *Part) Event(e node.Event) {
	switch e := e.(type) {
	case node.ProxyConnected:
		p.proxyConnected(e)
	case node.ProxyLost:
		p.proxyLost(e)
	case node.ProxyFailed:
		p.proxyFailed(e)
	case node.IVIndexChanged:
		p.h.Log.Info().Uint32("iv_index", uint32(e.IVIndex)).Bool("in_progress", e.Update).Msg("the network moved to another IV index")
		p.h.Publisher.Notify(document.IVUpdate{IVIndex: e.IVIndex, InProgress: e.Update})
		p.h.Own.Refresh()
	case node.KeysChanged:
		p.h.Own.Refresh()
	case node.ResetRefused:
		p.resetRefused(e)
	case node.Faulted:
		p.nodeFaulted(e.Err.Error())
	}
}

// Second implements part.Part: bridge/health shows the counters of the node once a
// minute.
func (p *Part) Second(tick int) {
	const healthEvery = 60
	if tick%healthEvery == 0 {
		p.h.Own.Refresh()
	}
}

// name is that of the device with an address, empty for one that the bridge does
// not know.
func (p *Part) name(address mesh.Address) string {
	if d := p.h.Devices.At(address).Device; d != nil {
		return d.Record.Name
	}
	return ""
}

// resetRefused warns that another provisioner wanted to remove the bridge from the
// network. The bridge stays: it has the only copy of the keys to its devices, and
// everybody who knows its device key could send that message.
func (p *Part) resetRefused(e node.ResetRefused) {
	p.h.Publisher.Warn("", "the node %s wanted to remove the bridge from its network with a Config Node Reset; nothing was done: "+
		"to remove it, stop the bridge and delete its store", e.By)
	p.h.Publisher.Notify(document.ResetRefused{By: e.By})
}

// nodeFaulted warns of something that the node could not do. The node may report the
// same after every message, so a warning is not repeated within a minute.
func (p *Part) nodeFaulted(text string) {
	const repeatAfter = time.Minute
	now := p.h.Loop.Now()
	if text == p.fault && now.Sub(p.faulted) < repeatAfter {
		return
	}
	p.fault, p.faulted = text, now
	p.h.Publisher.Warn("", "%s", text)
}
