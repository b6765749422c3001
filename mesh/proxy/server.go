package proxy

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// strangerTimeout is how long a client may be connected without having proved
// that it has a key. It only receives beacons, but it occupies a connection
// that others may need.
const strangerTimeout = time.Minute

// Server is the clients that are connected to a proxy server, and their
// filters. It belongs to one goroutine.
type Server struct {
	most    int
	clients []*served
}

type served struct {
	id       bearer.LinkID
	filter   Filter
	stranger time.Time // time limit for proving that it has a key; zero: it has
}

// NewServer makes a server for a number of clients at once (1 if zero).
func NewServer(clients int) *Server { return &Server{most: max(clients, 1)} }

// Opened adds a client. It returns false if there is no room.
func (s *Server) Opened(now time.Time, id bearer.LinkID) bool {
	if s.Full() {
		return false
	}
	s.clients = append(s.clients, &served{id: id, stranger: now.Add(strangerTimeout)})
	return true
}

// Closed removes a client.
func (s *Server) Closed(id bearer.LinkID) {
	s.clients = slices.DeleteFunc(s.clients, func(c *served) bool { return c.id == id })
}

// Clients returns the number of connected clients.
func (s *Server) Clients() int { return len(s.clients) }

// Full reports whether there is no room for another one.
func (s *Server) Full() bool { return len(s.clients) >= s.most }

// Sent handles the source of an authentic message from a client.
func (s *Server) Sent(id bearer.LinkID, src mesh.Address) {
	if c := s.client(id); c != nil {
		c.stranger = time.Time{}
		c.filter.Sent(src)
	}
}

// Configure handles an authentic proxy configuration message from a client, and
// returns the answer, nil for none (section 6.7).
func (s *Server) Configure(id bearer.LinkID, m Message) Message {
	c := s.client(id)
	if c == nil {
		return nil
	}
	c.stranger = time.Time{}
	switch m := m.(type) {
	case SetFilterType:
		c.filter.Set(m.Type)
	case AddAddresses:
		c.filter.Add(m.Addresses...)
	case RemoveAddresses:
		c.filter.Remove(m.Addresses...)
	default:
		// Statuses come from servers; paths are not supported.
		return nil
	}
	return c.filter.Status()
}

// Receivers appends the clients whose filter passes a message to dst, except
// the one that it came from.
func (s *Server) Receivers(dst []bearer.LinkID, to mesh.Address, from bearer.LinkID) []bearer.LinkID {
	for _, c := range s.clients {
		if c.id != from && c.filter.Passes(to) {
			dst = append(dst, c.id)
		}
	}
	return dst
}

// Unauthenticated appends the clients to dst that have not proved in time that they
// have a key. Each is returned once.
func (s *Server) Unauthenticated(dst []bearer.LinkID, now time.Time) []bearer.LinkID {
	for _, c := range s.clients {
		if !c.stranger.IsZero() && !now.Before(c.stranger) {
			c.stranger = time.Time{}
			dst = append(dst, c.id)
		}
	}
	return dst
}

// NextDeadline is when Unauthenticated has a new client, zero for never.
func (s *Server) NextDeadline() time.Time {
	var next time.Time
	for _, c := range s.clients {
		next = deadline.Earliest(next, c.stranger)
	}
	return next
}

func (s *Server) client(id bearer.LinkID) *served {
	for _, c := range s.clients {
		if c.id == id {
			return c
		}
	}
	return nil
}
