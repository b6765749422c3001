package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// ResetHost is a Host that decides itself whether it leaves its network.
type ResetHost interface {
	// Leaves reports whether a Config Node Reset of a Configuration Client takes
	// effect. A node that stays gives no answer, for the only one there is says
	// that it has left.
	Leaves(by mesh.Address) bool
}

// Product says who made a node, in its composition data (section 4.2.2.1).
type Product struct {
	CompanyID mesh.CompanyID
	ProductID uint16
	VersionID uint16
	// ReplaySize is the number of sources in the node's replay protection
	// list (CRPL); 0 for as many as fit the field.
	ReplaySize uint16
}

// Limits of the lists that a Configuration Server keeps. What would exceed one
// is answered with foundation.InsufficientResources.
const (
	MaxNetKeys       = 16
	MaxAppKeys       = 64
	MaxBindings      = 32 // AppKeys of one model
	MaxSubscriptions = 64 // addresses of one model
)

// Server is the Configuration Server model (section 4.4.1): it answers
// questions about its node's configuration and changes it.
type Server struct {
	foundation.Responder
	product Product
}

// NewServer makes the model for the primary element of a node.
func NewServer(p Product) *Server {
	s := &Server{Responder: foundation.NewResponder(foundation.ConfigurationServerID), product: p}
	s.handleNode()
	s.handleHeartbeats()
	s.handleNetKeys()
	s.handleAppKeys()
	s.handleBindings()
	s.handlePublication()
	s.handleSubscriptions()
	return s
}

// Receive implements access.Model. A message that cannot be decoded is ignored.
func (s *Server) Receive(ctx access.Context, in *access.Incoming) {
	if host, ok := s.Host().(ResetHost); ok && in.Opcode == OpNodeReset && !host.Leaves(in.Src) {
		return
	}
	answer := s.Answer(in)
	if answer == nil {
		return
	}
	ctx.Reply(answer)
	if in.Opcode == OpNodeReset {
		s.leave(ctx, answer)
	}
}

// leave resets the node. After that it has no key to answer with, and cannot
// answer a request that comes again because the answer was lost. So it sends the
// answer more than once beforehand.
func (s *Server) leave(ctx access.Context, answer access.Message) {
	const more = 2
	for range more {
		ctx.Reply(answer)
	}
	_ = s.Host().Reset() // the node reports an error
}

// Composition is page 0 of the node's composition data (section 4.2.2.1).
func (s *Server) Composition() *Composition {
	n := s.Host().State()
	c := &Composition{
		CompanyID: s.product.CompanyID,
		ProductID: s.product.ProductID,
		VersionID: s.product.VersionID,
		CRPL:      s.product.ReplaySize,
	}
	if c.CRPL == 0 {
		c.CRPL = uint16(mesh.LastUnicast)
	}
	for feature, value := range map[Features]state.Feature{
		FeatureRelay: n.Relay, FeatureProxy: n.Proxy, FeatureFriend: n.Friend,
	} {
		if value != state.Unsupported {
			c.Features |= feature
		}
	}
	if n.LowPower {
		c.Features |= FeatureLowPower
	}
	c.consistOf(n.Elements)
	return c
}

// Page is the octets of a page of the composition data, or of the largest one
// below it that there is.
func (s *Server) Page(number uint8) (uint8, []byte) {
	if data := s.nextComposition(); number >= NextPages && data != nil {
		return NextPages + PageComposition, data
	}
	if number >= PageRelations {
		if data, err := access.AppendPart(nil, s.Relations()); err == nil {
			return PageRelations, data
		}
	}
	data, err := s.Composition().Append(nil)
	if err != nil {
		return PageComposition, nil // the options of the node do not allow it
	}
	return PageComposition, data
}

// model finds the model that a message is about.
func (s *Server) model(element mesh.Address, id mesh.ModelID) (*state.Model, foundation.Status) {
	e := s.Host().State().Element(element)
	if e == nil {
		return nil, foundation.InvalidAddress
	}
	m := e.Model(id)
	if m == nil {
		return nil, foundation.InvalidModel
	}
	return m, foundation.Success
}

// isManaged reports whether a model is protected by the device key alone: it has
// neither AppKeys nor publication nor subscriptions (section 4.4.1 and its
// likes).
func isManaged(id mesh.ModelID) bool {
	const firstApplicationModel = 0x1000
	return !id.IsVendor() && id.Number() < firstApplicationModel &&
		id != foundation.HealthServerID && id != foundation.HealthClientID && id != foundation.OpcodesAggregatorServerID && id != foundation.OpcodesAggregatorClientID
}

// Client is the Configuration Client as an entry of the composition data.
// Who configures others sends requests and needs no model for the answers.
type Client struct{}

// ID implements access.Model.
func (Client) ID() mesh.ModelID { return foundation.ConfigurationClientID }

// Opcodes implements access.Model.
func (Client) Opcodes() []mesh.Opcode { return nil }

// Receive implements access.Model.
func (Client) Receive(access.Context, *access.Incoming) {}
