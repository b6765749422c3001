package configuration

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

// RefreshHost is a Host whose composition can be refreshed (section 3.11.8).
type RefreshHost interface {
	// NextElements is what the node will consist of once it is refreshed: what it
	// consists of now, if nothing has changed; nil for a node that takes a new
	// composition on at once.
	NextElements() []state.Element
}

// nextComposition is the octets of page 128 of the composition data: page 0 as it
// will be after a refresh. A node without refresh has no such
// page, nil.
func (s *Server) nextComposition() []byte {
	r, ok := s.Host().(RefreshHost)
	if !ok {
		return nil
	}
	elements := r.NextElements()
	if elements == nil {
		return nil
	}
	c := s.Composition()
	c.consistOf(elements)
	data, err := c.Append(nil)
	if err != nil {
		return nil // the options of the node do not allow it
	}
	return data
}

// consistOf lists elements.
func (c *Composition) consistOf(elements []state.Element) {
	c.Elements = nil
	for i := range elements {
		e := CompositionElement{Location: elements[i].Location}
		for _, m := range elements[i].Models {
			e.Models = append(e.Models, m.ID)
		}
		c.Elements = append(c.Elements, e)
	}
}
