package events

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
)

// This file is about the proxies that the bridge reaches its network through.

var _ part.HealthReporter = (*Part)(nil)

// proxyFailures is what there was no warning of yet.
type proxyFailures struct {
	warned time.Time
	others int // attempts that failed since then
}

// proxyConnected publishes that the network is reached through a proxy.
func (p *Part) proxyConnected(e node.ProxyConnected) {
	p.h.Log.Info().Stringer("proxy", e.Peer).Str("device", p.name(e.Node)).Msg("the network is reached through a proxy")
	p.h.Publisher.Notify(document.ProxyConnected{Name: p.name(e.Node), Peer: e.Peer.String()})
	p.h.Own.Refresh()
}

// proxyLost publishes that the connection to a proxy ended. The node already looks for
// another one.
func (p *Part) proxyLost(e node.ProxyLost) {
	level := zerolog.WarnLevel
	lost := document.ProxyLost{Name: p.name(e.Node), Peer: e.Peer.String()}
	if e.Err == nil {
		level = zerolog.InfoLevel // the bridge has ended it
	} else {
		lost.Reason = fault.Clip(e.Err.Error())
	}
	if e.Mute {
		p.h.Publisher.Warn(p.name(e.Node), "the proxy %s forwards nothing: several devices have not answered, and nothing has come through it meanwhile; "+
			"the bridge uses another one if there is one in range. Switch the proxy off and on again, or end its Proxy feature", e.Peer)
	} else {
		p.h.Log.WithLevel(level).Stringer("proxy", e.Peer).Str("device", p.name(e.Node)).AnErr("reason", e.Err).
			Msg("the connection to a proxy has ended")
	}
	p.h.Publisher.Notify(lost)
	p.h.Own.Refresh()
}

// proxyFailed warns of an attempt to use a proxy that has failed. Anybody can advertise
// as a proxy of the network, so there is one warning in a minute at most.
func (p *Part) proxyFailed(e node.ProxyFailed) {
	const repeatAfter = time.Minute
	p.h.Log.Debug().Stringer("proxy", e.Peer).Str("device", p.name(e.Node)).AnErr("reason", e.Err).Int("failures", e.Failures).
		Dur("wait", e.Wait).Msg("a proxy could not be used")
	f, now := &p.proxies, p.h.Loop.Now()
	if !f.warned.IsZero() && now.Sub(f.warned) < repeatAfter {
		f.others++
		return
	}
	who := ""
	if name := p.name(e.Node); name != "" {
		who = ", which claims to be " + name + ","
	}
	p.h.Publisher.Warn("", "the proxy %s%s could not be used: %v; it has failed %d times in a row and is not tried again for %s; "+
		"%d other attempts have failed since the warning before", e.Peer, who, e.Err, e.Failures, e.Wait.Round(time.Second), f.others)
	*f = proxyFailures{warned: now}
	p.h.Own.Refresh()
}

// Health implements part.HealthReporter: the proxies.
func (p *Part) Health(h *document.Health) {
	for _, s := range p.h.Own.Summary().Proxies {
		proxy := document.Proxy{
			Peer: s.Peer.String(), Connected: s.Connected, Proven: s.Proven, Silent: s.Mute,
			RSSI: document.Signal(s.RSSI), Failures: s.Failures,
		}
		if s.Proven {
			proxy.Name = p.name(s.Node) // what others claim to be says nothing
		}
		if s.Connected {
			since := s.Since.UTC().Truncate(time.Second)
			proxy.Since = &since
		}
		if s.Reason != nil {
			proxy.Reason = fault.Clip(s.Reason.Error())
		}
		h.Proxies = append(h.Proxies, proxy)
	}
}
