package configuration

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

// RefreshHost is a Host that supports the Node Composition Refresh procedure
// (section 3.11.8).
type RefreshHost interface {
	// NextElements returns the elements of the node after a refresh: the
	// present ones if nothing has changed; nil for a node that changes its
	// composition at once.
	NextElements() []state.Element
}

// nextComposition returns the octets of page 128 of the composition data: page
// 0 as it will be after a refresh. It returns nil for a node without refresh,
// which has no such page.
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

// consistOf appends the elements and their models.
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
