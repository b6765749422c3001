package directedforwarding

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// PathEntry is an entry of a forwarding table in a status.
//
//	| FixedPath 1 | UnicastDestination 1 | BackwardPathValidated 1 |
//	| BearerTowardPathOriginIndicator 1 | BearerTowardPathTargetIndicator 1 |
//	| DependentOriginListSizeIndicator 2 | DependentTargetListSizeIndicator 2 | RFU 7 |
//	| [ LaneCounter 8 | PathRemainingTime 16 | PathOriginForwardingNumber 8 ] |
//	| PathOriginRange 16 or 24 | [ DependentOriginListSize 8 or 16 ] | [ BearerTowardPathOrigin 16 ] |
//	| PathTargetRange 16 or 24, or MulticastDestination 16 |
//	| [ DependentTargetListSize 8 or 16 ] | [ BearerTowardPathTarget 16 ] |
type PathEntry struct {
	FixedPath             bool
	BackwardPathValidated bool

	LaneCounter                uint8  // without FixedPath
	PathRemainingTime          uint16 // in minutes, without FixedPath
	PathOriginForwardingNumber uint8  // without FixedPath

	PathOriginRange           foundation.AddressRange
	DependentOriginListSize   uint16
	HasBearerTowardPathOrigin bool
	BearerTowardPathOrigin    uint16

	PathTarget
	DependentTargetListSize   uint16
	HasBearerTowardPathTarget bool
	BearerTowardPathTarget    uint16
}

func pathEntry(e *PathEntry, c *access.Codec) {
	origins, targets := sizeIndicator(e.DependentOriginListSize), sizeIndicator(e.DependentTargetListSize)
	c.Flag("fixed_path", &e.FixedPath)
	c.Flag("unicast_destination", &e.UnicastDestination)
	c.Flag("backward_path_validated", &e.BackwardPathValidated)
	if c.Octets() {
		c.Flag("bearer_toward_path_origin_indicator", &e.HasBearerTowardPathOrigin)
		c.Flag("bearer_toward_path_target_indicator", &e.HasBearerTowardPathTarget)
		c.Bits("dependent_origin_list_size_indicator", &origins, 2)
		c.Bits("dependent_target_list_size_indicator", &targets, 2)
		c.Reserved(7)
	}
	if !e.FixedPath {
		c.Uint8("lane_counter", &e.LaneCounter)
		c.Uint16("path_remaining_time", &e.PathRemainingTime)
		c.Uint8("path_origin_forwarding_number", &e.PathOriginForwardingNumber)
	}
	c.Object("path_origin_range", &e.PathOriginRange)
	dependentListSize(c, "dependent_origin_list_size", origins, &e.DependentOriginListSize)
	optionalBearer(c, "bearer_toward_path_origin", &e.HasBearerTowardPathOrigin, &e.BearerTowardPathOrigin)
	e.PathTarget.visit(c)
	dependentListSize(c, "dependent_target_list_size", targets, &e.DependentTargetListSize)
	optionalBearer(c, "bearer_toward_path_target", &e.HasBearerTowardPathTarget, &e.BearerTowardPathTarget)
}

// sizeIndicator is 0 for an empty list, else the number of octets of its size
// field.
func sizeIndicator(size uint16) uint8 {
	switch {
	case size == 0:
		return 0
	case size <= 0xFF:
		return 1
	default:
		return 2
	}
}

func dependentListSize(c *access.Codec, name string, octets uint8, size *uint16) {
	if !c.Octets() {
		c.Uint16(name, size)
		return
	}
	switch octets {
	case 0:
		*size = 0
	case 1:
		short := uint8(*size)
		c.Uint8(name, &short)
		*size = uint16(short)
	case 2:
		c.Uint16(name, size)
	default:
		c.Require(false, name, "a size indicator of 0 to 2")
	}
}

// optionalBearer visits a bearer; JSON omits an absent one.
func optionalBearer(c *access.Codec, name string, has *bool, bearer *uint16) {
	if !c.Octets() && c.Reading() {
		*has = c.Has(name)
	}
	if *has {
		c.Uint16(name, bearer)
	}
}
