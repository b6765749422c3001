// Package damage tells what was wrong with the files of the store when they were
// opened, and could be repaired: in the log, on bridge/logging and bridge/event
// at the start, and in bridge/health until the next one.
package damage

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
)

// Part tells of damage. Make it with New.
type Part struct {
	part.None
	h        *part.Host
	findings []string
}

var _ part.HealthReporter = (*Part)(nil)

// New makes the part. Each finding names a file, what was wrong with it and what
// was done.
func New(h *part.Host, findings []string) *Part { return &Part{h: h, findings: findings} }

// Start implements part.Part.
func (p *Part) Start() {
	for _, text := range p.findings {
		p.h.Publisher.Warn("", "the store was damaged: %s", text)
	}
	if len(p.findings) > 0 {
		p.h.Publisher.Notify(document.StoreRepaired{Findings: p.findings})
	}
}

// Health implements part.HealthReporter.
func (p *Part) Health(h *document.Health) { h.StoreRepaired = p.findings }
