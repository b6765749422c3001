package directedforwarding

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleTable registers the messages about the entries of the forwarding table.
// All of them are fixed paths, because the node discovers none.
func (s *Server) handleTable() {
	foundation.On(s, func(_ *access.Incoming, m *ForwardingTableAdd) access.Message {
		path := fixedPath(m)
		return &ForwardingTableStatus{
			Status: s.addPath(m.NetKeyIndex, path), NetKeyIndex: m.NetKeyIndex,
			PathKey: PathKey{path.Origin.RangeStart, path.Target.RangeStart},
		}
	})
	foundation.On(s, func(_ *access.Incoming, m *ForwardingTableDelete) access.Message {
		status := &ForwardingTableStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: m.NetKeyIndex, PathKey: m.PathKey}
		s.inSubnet(m.NetKeyIndex, func(d *state.DirectedSubnet) {
			status.Status = foundation.Success
			before := len(d.Paths)
			d.Paths = slices.DeleteFunc(d.Paths, func(p state.FixedPath) bool { return isPath(&p, m.PathKey) })
			if len(d.Paths) != before {
				d.UpdateIdentifier++
			}
		})
		return status
	})
	foundation.On(s, func(_ *access.Incoming, m *ForwardingTableEntriesCountGet) access.Message {
		status := &ForwardingTableEntriesCountStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: m.NetKeyIndex}
		if d := s.subnet(m.NetKeyIndex); d != nil {
			status.Status = foundation.Success
			status.HasUpdateIdentifier, status.UpdateIdentifier = true, d.UpdateIdentifier
			status.FixedPathEntriesCount = uint16(len(d.Paths))
		}
		return status
	})
	foundation.On(s, func(_ *access.Incoming, m *ForwardingTableEntriesGet) access.Message { return s.entries(m) })
}

func fixedPath(m *ForwardingTableAdd) state.FixedPath {
	p := state.FixedPath{
		Origin:             state.AddressRange(m.PathOriginRange),
		Target:             state.AddressRange{RangeStart: m.MulticastDestination},
		BackwardValidated:  m.BackwardPathValidated,
		BearerTowardOrigin: m.BearerTowardPathOrigin,
		BearerTowardTarget: m.BearerTowardPathTarget,
	}
	if m.UnicastDestination {
		p.Target = state.AddressRange(m.PathTargetRange)
	}
	return p
}

func isPath(p *state.FixedPath, key PathKey) bool {
	return p.Origin.RangeStart == key.PathOrigin && p.Target.RangeStart == key.Destination
}

func (s *Server) path(d *state.DirectedSubnet, key PathKey) *state.FixedPath {
	i := slices.IndexFunc(d.Paths, func(p state.FixedPath) bool { return isPath(&p, key) })
	if i < 0 {
		return nil
	}
	return &d.Paths[i]
}

// addPath adds a path, or replaces one with the same ends.
func (s *Server) addPath(index mesh.KeyIndex, path state.FixedPath) foundation.Status {
	d := s.subnet(index)
	const bearers = 0x3 // advertising, GATT
	switch {
	case d == nil:
		return foundation.InvalidNetKeyIndex
	case (path.BearerTowardOrigin|path.BearerTowardTarget)&^bearers != 0:
		return foundation.InvalidBearer
	}
	known := s.path(d, PathKey{path.Origin.RangeStart, path.Target.RangeStart})
	if known == nil && len(d.Paths) >= MaxFixedPaths {
		return foundation.InsufficientResources
	}
	s.inSubnet(index, func(d *state.DirectedSubnet) {
		d.UpdateIdentifier++
		if known == nil {
			d.Paths = append(d.Paths, path)
			return
		}
		path.DependentOrigins, path.DependentTargets = known.DependentOrigins, known.DependentTargets
		*known = path
	})
	return foundation.Success
}

// entries lists the paths that match the filter, as many as fit.
func (s *Server) entries(m *ForwardingTableEntriesGet) access.Message {
	status := &ForwardingTableEntriesStatus{Status: foundation.InvalidNetKeyIndex, EntriesFilter: m.EntriesFilter}
	d := s.subnet(m.NetKeyIndex)
	if d == nil {
		return status
	}
	status.HasUpdateIdentifier, status.UpdateIdentifier = true, d.UpdateIdentifier
	if m.HasUpdateIdentifier && m.UpdateIdentifier != d.UpdateIdentifier {
		status.Status = foundation.ObsoleteInformation
		return status
	}
	status.Status = foundation.Success
	const header, entry = 14, 18 // octets, at most
	left := int(m.StartIndex)
	for i := range d.Paths {
		p := &d.Paths[i]
		if m.FilterMask&EntriesFixed == 0 ||
			m.FilterMask&EntriesOrigin != 0 && p.Origin.RangeStart != m.PathOrigin ||
			m.FilterMask&EntriesDestination != 0 && p.Target.RangeStart != m.Destination {
			continue
		}
		if left--; left >= 0 {
			continue
		}
		if header+entry*(len(status.Entries)+1) > access.MaxPayload {
			break
		}
		status.Entries = append(status.Entries, tableEntry(p))
	}
	return status
}

func tableEntry(p *state.FixedPath) PathEntry {
	e := PathEntry{
		FixedPath:                 true,
		BackwardPathValidated:     p.BackwardValidated,
		PathOriginRange:           foundation.AddressRange(p.Origin),
		DependentOriginListSize:   uint16(len(p.DependentOrigins)),
		HasBearerTowardPathOrigin: p.BearerTowardOrigin != 0,
		BearerTowardPathOrigin:    p.BearerTowardOrigin,
		DependentTargetListSize:   uint16(len(p.DependentTargets)),
		HasBearerTowardPathTarget: p.BearerTowardTarget != 0,
		BearerTowardPathTarget:    p.BearerTowardTarget,
	}
	if p.Target.RangeLength > 0 {
		e.UnicastDestination, e.PathTargetRange = true, foundation.AddressRange(p.Target)
	} else {
		e.MulticastDestination = p.Target.RangeStart
	}
	return e
}

// handleDependents registers the messages about the dependent nodes of a path's
// ends.
func (s *Server) handleDependents() {
	status := func(index mesh.KeyIndex, key PathKey, f func(p *state.FixedPath) foundation.Status) access.Message {
		m := &ForwardingTableDependentsStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: index, PathKey: key}
		d := s.subnet(index)
		if d == nil {
			return m
		}
		p := s.path(d, key)
		if p == nil {
			m.Status = foundation.InvalidPathEntry
			return m
		}
		s.Host().Edit(func(*state.Node) bool {
			if m.Status = f(p); m.Status == foundation.Success {
				d.UpdateIdentifier++
			}
			return m.Status == foundation.Success
		})
		return m
	}
	foundation.On(s, func(_ *access.Incoming, m *ForwardingTableDependentsAdd) access.Message {
		return status(m.NetKeyIndex, m.PathKey, func(p *state.FixedPath) foundation.Status {
			origins := withRanges(p.DependentOrigins, m.DependentOriginRanges)
			targets := withRanges(p.DependentTargets, m.DependentTargetRanges)
			if len(origins) > MaxDependents || len(targets) > MaxDependents {
				return foundation.InsufficientResources
			}
			p.DependentOrigins, p.DependentTargets = origins, targets
			return foundation.Success
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *ForwardingTableDependentsDelete) access.Message {
		return status(m.NetKeyIndex, m.PathKey, func(p *state.FixedPath) foundation.Status {
			p.DependentOrigins = withoutRanges(p.DependentOrigins, m.DependentOrigins)
			p.DependentTargets = withoutRanges(p.DependentTargets, m.DependentTargets)
			return foundation.Success
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *ForwardingTableDependentsGet) access.Message { return s.dependents(m) })
}

// withRanges adds ranges to a list. A range replaces one with the same start.
func withRanges(list []state.AddressRange, more []foundation.AddressRange) []state.AddressRange {
	list = slices.Clone(list)
	for _, r := range more {
		i := slices.IndexFunc(list, func(known state.AddressRange) bool { return known.RangeStart == r.RangeStart })
		if i < 0 {
			list = append(list, state.AddressRange(r))
		} else {
			list[i] = state.AddressRange(r)
		}
	}
	return list
}

func withoutRanges(list []state.AddressRange, primaries []mesh.Address) []state.AddressRange {
	return slices.DeleteFunc(list, func(r state.AddressRange) bool { return slices.Contains(primaries, r.RangeStart) })
}

func (s *Server) dependents(m *ForwardingTableDependentsGet) access.Message {
	status := &ForwardingTableDependentsGetStatus{Status: foundation.InvalidNetKeyIndex, DependentsFilter: m.DependentsFilter}
	d := s.subnet(m.NetKeyIndex)
	if d == nil {
		return status
	}
	status.HasUpdateIdentifier, status.UpdateIdentifier = true, d.UpdateIdentifier
	p := s.path(d, m.PathKey)
	switch {
	case m.HasUpdateIdentifier && m.UpdateIdentifier != d.UpdateIdentifier:
		status.Status = foundation.ObsoleteInformation
		return status
	case p == nil || m.FixedPathFlag == 0:
		status.Status = foundation.InvalidPathEntry
		return status
	}
	const ofOrigin, ofTarget = 1 << 0, 1 << 1
	const most = 100 // ranges of three octets, with the header
	status.Status, status.HasDependents = foundation.Success, true
	left, room := int(m.StartIndex), most
	take := func(wanted bool, from []state.AddressRange) []foundation.AddressRange {
		var list []foundation.AddressRange
		for _, r := range from {
			if !wanted || room == 0 {
				break
			}
			if left--; left < 0 {
				list = append(list, foundation.AddressRange(r))
				room--
			}
		}
		return list
	}
	status.DependentOriginRanges = take(m.DependentsListMask&ofOrigin != 0, p.DependentOrigins)
	status.DependentTargetRanges = take(m.DependentsListMask&ofTarget != 0, p.DependentTargets)
	return status
}
