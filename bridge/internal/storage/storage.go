// Package storage tells whether the store works: in bridge/health, in bridge/logging and
// in the log.
//
//	mesh/store/watch ─▶ Changed ─┬─▶ bridge/health   {"store":{"state":"failing",...}}
//	                             └─▶ bridge/logging, log
package storage

import (
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
)

// Part knows what is wrong with the store. Make it with New.
type Part struct {
	part.None
	h       *part.Host
	trouble *watch.Trouble // nil: nothing
}

var _ part.HealthReporter = (*Part)(nil)

// New makes the part.
func New(h *part.Host) *Part { return &Part{h: h} }

// Changed takes what is wrong with the store now, nil for nothing.
func (p *Part) Changed(err error) {
	var trouble *watch.Trouble
	errors.As(err, &trouble)
	former := p.trouble
	p.trouble = trouble
	p.h.Publisher.Changed("health")
	switch {
	case trouble != nil:
		p.h.Publisher.Alert("%v. Until then the bridge sends and receives nothing that has to be stored first", trouble)
	case former != nil:
		p.h.Publisher.Inform("the store works again, after %s", p.h.Loop.Now().Sub(former.Since).Round(time.Second))
	}
}

// Health implements part.HealthReporter.
func (p *Part) Health(h *document.Health) {
	h.Store.State = "ok"
	if p.trouble == nil {
		return
	}
	h.Store.State = "failing"
	if p.trouble.Err == nil {
		h.Store.State = "slow"
	}
	since := p.trouble.Since.UTC().Truncate(time.Second)
	h.Store.Since, h.Store.Error = &since, fault.Clip(p.trouble.Error())
}
