package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Product identifies the product in the composition data (section 4.2.2.1).
type Product struct {
	CompanyID mesh.CompanyID
	ProductID uint16
	VersionID uint16
	// ReplaySize is the number of sources in the node's replay protection list
	// (CRPL). 0 means the largest value of the field.
	ReplaySize uint16
}

// Limits of the lists of a Configuration Server. A request beyond a limit is
// answered with foundation.InsufficientResources.
const (
	MaxNetKeys       = 16
	MaxAppKeys       = 64
	MaxBindings      = 32 // per model
	MaxSubscriptions = 64 // per model
)

// Server is the Configuration Server model (section 4.4.1). It reports and
// changes the configuration of its node.
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
	if s.refuse(ctx, in) {
		return
	}
	answer := s.Answer(in)
	if answer == nil {
		return
	}
	ctx.Reply(answer)
	s.reportKeys(in, answer)
	if in.Opcode == OpNodeReset {
		s.leave(ctx, answer)
	}
}

// leave resets the node. After the reset it has no key for an answer, so it
// cannot answer a request that is repeated because the answer was lost. It
// therefore sends the answer several times before the reset.
func (s *Server) leave(ctx access.Context, answer access.Message) {
	const more = 2
	for range more {
		ctx.Reply(answer)
	}
	_ = s.Host().Reset() // the node reports an error
}

// Composition returns page 0 of the node's composition data (section 4.2.2.1).
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

// Page returns the octets of a page of the composition data, or of the largest
// existing page below it.
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

// model finds the model that a message names.
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

// isManaged reports whether only the device key gives access to a model. Such a
// model has no AppKeys, publication or subscriptions (section 4.4.1 and the
// sections of similar models).
func isManaged(id mesh.ModelID) bool {
	const firstApplicationModel = 0x1000
	return !id.IsVendor() && id.Number() < firstApplicationModel &&
		id != foundation.HealthServerID && id != foundation.HealthClientID && id != foundation.OpcodesAggregatorServerID && id != foundation.OpcodesAggregatorClientID
}

// Client is the Configuration Client as an entry of the composition data. A
// node that configures others sends requests and needs no model for the
// answers.
type Client struct{}

// ID implements access.Model.
func (Client) ID() mesh.ModelID { return foundation.ConfigurationClientID }

// Opcodes implements access.Model.
func (Client) Opcodes() []mesh.Opcode { return nil }

// Receive implements access.Model.
func (Client) Receive(access.Context, *access.Incoming) {}
