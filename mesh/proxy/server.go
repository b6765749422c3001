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
// that others may need. A controller may have room for fewer than the server.
const strangerTimeout = 20 * time.Second

// strangerGrace is how long such a client may stay while others want its place. Who
// has the key shows it as soon as it is connected: it sets its filter.
const strangerGrace = 2 * time.Second

// How long the device address of such a client is remembered after it had to go, and
// how many are. Meanwhile it may take free room, but nobody else has to go for it.
const (
	strangerMemory = 30 * time.Second
	maxStrangers   = 32
)

// Server is the clients that are connected to a proxy server, and their
// filters. It belongs to one goroutine.
type Server struct {
	most    int
	clients []*served
	gone    []stranger // the last one last
}

// stranger is a peer that had to go without having proved that it has a key.
type stranger struct {
	peer bearer.Peer
	at   time.Time
}

type served struct {
	id       bearer.LinkID
	peer     bearer.Peer
	filter   Filter
	since    time.Time
	stranger time.Time // time limit for proving that it has a key; zero: it has
}

// NewServer makes a server for a number of clients at once (1 if zero).
func NewServer(clients int) *Server { return &Server{most: max(clients, 1)} }

// Opened adds a client. It returns false if there is no room. If the oldest client that
// has not proved that it has a key has been there for some seconds, that one must go:
// its connection is evicted, 0 for none.
func (s *Server) Opened(now time.Time, id bearer.LinkID, peer bearer.Peer) (evicted bearer.LinkID, ok bool) {
	if len(s.clients) >= s.most {
		oldest := s.oldestStranger()
		if oldest == nil || now.Before(oldest.since.Add(strangerGrace)) || s.hadToGo(now, peer) {
			return 0, false
		}
		evicted = oldest.id
		s.evict(now, oldest)
	}
	s.clients = append(s.clients, &served{id: id, peer: peer, since: now, stranger: now.Add(strangerTimeout)})
	return evicted, true
}

// evict removes a client and remembers it.
func (s *Server) evict(now time.Time, c *served) {
	s.Closed(c.id)
	if len(s.gone) >= maxStrangers {
		s.gone = slices.Delete(s.gone, 0, 1)
	}
	s.gone = append(s.gone, stranger{c.peer, now})
}

// hadToGo reports whether a peer had to go a short time ago.
func (s *Server) hadToGo(now time.Time, peer bearer.Peer) bool {
	return slices.ContainsFunc(s.gone, func(g stranger) bool { return g.peer == peer && now.Before(g.at.Add(strangerMemory)) })
}

// oldestStranger is the client that has been connected for longest without having
// proved that it has a key, nil if all have.
func (s *Server) oldestStranger() *served {
	for _, c := range s.clients { // in the order of their coming
		if !c.stranger.IsZero() {
			return c
		}
	}
	return nil
}

// Closed removes a client.
func (s *Server) Closed(id bearer.LinkID) {
	s.clients = slices.DeleteFunc(s.clients, func(c *served) bool { return c.id == id })
}

// Clients returns the number of connected clients.
func (s *Server) Clients() int { return len(s.clients) }

// Full reports whether there is no room for another one, even if those leave that have
// not proved that they have a key.
func (s *Server) Full() bool { return len(s.clients) >= s.most && s.oldestStranger() == nil }

// Sent handles the source of an authentic message from a client. It reports whether
// this is the first one that is new: the client has proved that it has a key. Anybody
// could have recorded an old one.
func (s *Server) Sent(id bearer.LinkID, src mesh.Address, isNew bool) (proved bool) {
	c := s.client(id)
	if c == nil {
		return false
	}
	c.filter.Sent(src)
	if isNew && !c.stranger.IsZero() {
		c.stranger = time.Time{}
		return true
	}
	return false
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

// Unauthenticated removes the clients that have not proved in time that they have a
// key, and appends them to dst.
func (s *Server) Unauthenticated(dst []bearer.LinkID, now time.Time) []bearer.LinkID {
	for {
		// The oldest one is due first.
		c := s.oldestStranger()
		if c == nil || !deadline.Due(c.stranger, now) {
			return dst
		}
		dst = append(dst, c.id)
		s.evict(now, c)
	}
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
