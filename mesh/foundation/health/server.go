package health

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// MaxFaults is the maximum number of present faults, and of registered faults,
// in a Health Server.
const MaxFaults = 32

// Server is the Health Server (section 4.4.3). It holds the faults of a device,
// its self-tests and its attention timer.
type Server struct {
	company    mesh.CompanyID
	group      *server.Group
	model      *server.Server
	selfTest   func(test uint8) []uint8
	test       uint8
	divisor    uint8
	present    []uint8
	registered []uint8   // present at some time since the last Fault Clear
	attention  time.Time // end of attention
}

// NewServer makes the model for the primary element of a node, without faults.
// company is the company that defines the test numbers.
func NewServer(company mesh.CompanyID) *Server {
	h := &Server{company: company}
	h.group = server.NewGroup(h)
	h.model = h.group.AddSetting(foundation.HealthServerID, func(time.Time) access.Message {
		return &CurrentStatus{TestID: h.test, CompanyID: h.company, FaultArray: h.present}
	})
	h.handleFaults()

	period := func(time.Time) access.Message { return &PeriodStatus{FastPeriodDivisor: h.divisor} }
	h.model.Get(&PeriodGet{}, period)
	var divisor PeriodSet
	h.model.Set(&divisor, OpPeriodSetUnacknowledged, func(now time.Time) bool {
		h.divisor = divisor.FastPeriodDivisor
		h.group.Save(now)
		return true
	}, period)

	attention := func(now time.Time) access.Message { return &AttentionStatus{Attention: h.Attention(now)} }
	h.model.Get(&AttentionGet{}, attention)
	var set AttentionSet
	h.model.Set(&set, OpAttentionSetUnacknowledged, func(now time.Time) bool {
		h.attention = now.Add(time.Duration(set.Attention) * time.Second)
		return true
	}, attention)
	return h
}

// handleFaults registers the messages about faults. Messages for another
// company are ignored (section 4.4.3.2.1).
func (h *Server) handleFaults() {
	status := func(company *mesh.CompanyID) server.Reply {
		return func(time.Time) access.Message {
			if *company != h.company {
				return nil
			}
			return &FaultStatus{TestID: h.test, CompanyID: h.company, FaultArray: h.registered}
		}
	}
	var get FaultGet
	h.model.Get(&get, status(&get.CompanyID))
	var forget FaultClear
	h.model.Set(&forget, OpFaultClearUnacknowledged, func(now time.Time) bool {
		if forget.CompanyID == h.company {
			h.registered = nil
			h.group.Save(now)
		}
		return true
	}, status(&forget.CompanyID))
	var test FaultTest
	h.model.Set(&test, OpFaultTestUnacknowledged, func(now time.Time) bool {
		if test.CompanyID == h.company {
			h.test = test.TestID
			if h.selfTest != nil {
				h.SetFaults(now, h.selfTest(test.TestID)...)
			}
			h.group.Save(now)
		}
		return true
	}, status(&test.CompanyID))
}

// Model returns the model for an element.
func (h *Server) Model() access.Model { return &healthModel{h.model, h} }

// Compile-time checks of what the node uses it as.
var (
	_ access.Model         = (*healthModel)(nil)
	_ access.Publisher     = (*healthModel)(nil)
	_ access.FastPublisher = (*healthModel)(nil)
	_ access.Persistent    = (*healthModel)(nil)
)

// healthModel is the server with its fast period.
type healthModel struct {
	*server.Server
	health *Server
}

// FastPeriod implements access.FastPublisher. While there are faults the period
// is divided by 2^divisor (Health Fast Period Divisor state).
func (m *healthModel) FastPeriod(period time.Duration) time.Duration {
	const least = 100 * time.Millisecond
	if period == 0 || len(m.health.present) == 0 {
		return period
	}
	return max(period>>m.health.divisor, least)
}

// SelfTest sets the function that a Fault Test calls. It runs a test and
// returns the faults that it found. Without a function tests find no faults.
func (h *Server) SelfTest(run func(test uint8) []uint8) { h.selfTest = run }

// SetFaults sets the present faults (Assigned Numbers, health model faults; 0
// means no fault). They are published, and stay registered until a client
// clears them. At most MaxFaults are stored.
func (h *Server) SetFaults(now time.Time, faults ...uint8) {
	var present []uint8
	for _, f := range faults {
		if f != 0 && len(present) < MaxFaults && !slices.Contains(present, f) {
			present = append(present, f)
			if len(h.registered) < MaxFaults && !slices.Contains(h.registered, f) {
				h.registered = append(h.registered, f)
			}
		}
	}
	if !slices.Equal(present, h.present) {
		h.present = present
		h.model.Changed(now)
	}
}

// Attention returns the remaining seconds of attention.
func (h *Server) Attention(now time.Time) uint8 {
	left := h.attention.Sub(now)
	if left <= 0 {
		return 0
	}
	return uint8((left + time.Second - 1) / time.Second)
}

// Deadline implements server.Machine. It needs no timer: the end of attention
// is computed when it is read.
func (h *Server) Deadline() time.Time { return time.Time{} }

// Advance implements server.Machine.
func (h *Server) Advance(time.Time) {}

type savedHealth struct {
	Test, Divisor uint8
	Registered    []uint8 `json:",omitempty"`
}

// State implements server.Machine.
func (h *Server) State() []byte {
	data, err := json.Marshal(savedHealth{h.test, h.divisor, h.registered})
	if err != nil {
		return nil
	}
	return data
}

// Restore implements server.Machine.
func (h *Server) Restore(data []byte) error {
	var s savedHealth
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("foundation: cannot decode the stored state of the Health Server: %w", err)
	}
	h.test, h.divisor, h.registered = s.Test, s.Divisor, s.Registered[:min(len(s.Registered), MaxFaults)]
	return nil
}
