package interview

import (
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// products is what the servers of each product told about themselves, by the composition
// data, which has the company, the product and the version. A device that was taken in
// new is like the others of its product, so only the first one is asked. The loop adds
// to it while workers read.
type products struct {
	mu      sync.Mutex
	details map[string]device.Details
}

// add takes what is known of a device, unless a like one is known.
func (p *products) add(r *device.Record) {
	key, ok := keyOf(r.Composition)
	// Another provisioner may have changed the ranges of an imported device. What a
	// device did not answer may be answered by the next.
	if !ok || r.Imported || r.Interview != device.Successful || len(r.Skipped) > 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.details[key]; known {
		return
	}
	if p.details == nil {
		p.details = map[string]device.Details{}
	}
	p.details[key] = r.Details
}

// find returns what is known of the product with a composition.
func (p *products) find(c *configuration.Composition) (device.Details, bool) {
	key, ok := keyOf(c)
	if !ok {
		return device.Details{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	details, known := p.details[key]
	return details, known
}

// keyOf is the composition data in octets.
func keyOf(c *configuration.Composition) (string, bool) {
	if c == nil {
		return "", false
	}
	octets, err := c.Append(nil)
	return string(octets), err == nil
}
