package proxy

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// strangerTimeout is how long a client may be connected without having shown
// that it has a key. Nothing but beacons is forwarded to it anyway, and it
// holds a connection that others may want.
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
	stranger time.Time // until when it may be one; zero: it has a key
}

// NewServer makes a server for a number of clients at once (1 if zero).
func NewServer(clients int) *Server { return &Server{most: max(clients, 1)} }

// Opened takes a client in, and reports false when there is no room.
func (s *Server) Opened(now time.Time, id bearer.LinkID) bool {
	if s.Full() {
		return false
	}
	s.clients = append(s.clients, &served{id: id, stranger: now.Add(strangerTimeout)})
	return true
}

// Closed says that a client is gone.
func (s *Server) Closed(id bearer.LinkID) {
	s.clients = slices.DeleteFunc(s.clients, func(c *served) bool { return c.id == id })
}

// Clients is how many are connected.
func (s *Server) Clients() int { return len(s.clients) }

// Full reports whether there is no room for another one.
func (s *Server) Full() bool { return len(s.clients) >= s.most }

// Sent learns from the source of an authentic message of a client.
func (s *Server) Sent(id bearer.LinkID, src mesh.Address) {
	if c := s.client(id); c != nil {
		c.stranger = time.Time{}
		c.filter.Sent(src)
	}
}

// Configure does what an authentic proxy configuration message of a client
// asks for, and gives the answer, nil for none (section 6.7).
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
		// Statuses are the server's own; paths are not looked for.
		return nil
	}
	return c.filter.Status()
}

// Receivers appends the clients to dst whose filter lets a message through, but
// for the one that it came from.
func (s *Server) Receivers(dst []bearer.LinkID, to mesh.Address, from bearer.LinkID) []bearer.LinkID {
	for _, c := range s.clients {
		if c.id != from && c.filter.Passes(to) {
			dst = append(dst, c.id)
		}
	}
	return dst
}

// Strangers appends the clients to dst, once, that have had time enough to show
// that they have a key.
func (s *Server) Strangers(dst []bearer.LinkID, now time.Time) []bearer.LinkID {
	for _, c := range s.clients {
		if !c.stranger.IsZero() && !now.Before(c.stranger) {
			c.stranger = time.Time{}
			dst = append(dst, c.id)
		}
	}
	return dst
}

// NextDeadline is when Strangers has somebody new, zero for never.
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
