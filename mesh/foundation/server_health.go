package foundation

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// Health is the Health Server (section 4.4.3) of a device that has nothing to
// complain of: no faults, a self-test that passes, and an attention timer.
type Health struct {
	company   mesh.CompanyID
	group     *server.Group
	model     *server.Server
	test      uint8
	divisor   uint8
	attention time.Time // until when the device attracts attention
}

// NewHealth makes the model for the primary element of a node; company is whose
// test numbers it knows.
func NewHealth(company mesh.CompanyID) *Health {
	h := &Health{company: company}
	h.group = server.NewGroup(h)
	h.model = h.group.AddSetting(HealthServerID, func(time.Time) access.Message {
		return &HealthCurrentStatus{TestID: h.test, CompanyID: h.company}
	})
	h.handleFaults()

	period := func(time.Time) access.Message { return &HealthPeriodStatus{FastPeriodDivisor: h.divisor} }
	h.model.Get(&HealthPeriodGet{}, period)
	var divisor HealthPeriodSet
	h.model.Set(&divisor, OpHealthPeriodSetUnacknowledged, func(now time.Time) bool {
		h.divisor = divisor.FastPeriodDivisor
		h.group.Save(now)
		return true
	}, period)

	attention := func(now time.Time) access.Message { return &HealthAttentionStatus{Attention: h.Attention(now)} }
	h.model.Get(&HealthAttentionGet{}, attention)
	var set HealthAttentionSet
	h.model.Set(&set, OpHealthAttentionSetUnacknowledged, func(now time.Time) bool {
		h.attention = now.Add(time.Duration(set.Attention) * time.Second)
		return true
	}, attention)
	return h
}

// handleFaults registers the messages about faults. Those for another company
// are ignored (section 4.4.3.2.1).
func (h *Health) handleFaults() {
	status := func(company *mesh.CompanyID) server.Reply {
		return func(time.Time) access.Message {
			if *company != h.company {
				return nil
			}
			return &HealthFaultStatus{TestID: h.test, CompanyID: h.company}
		}
	}
	var get HealthFaultGet
	h.model.Get(&get, status(&get.CompanyID))
	var forget HealthFaultClear
	h.model.Set(&forget, OpHealthFaultClearUnacknowledged, func(time.Time) bool { return true }, status(&forget.CompanyID))
	var test HealthFaultTest
	h.model.Set(&test, OpHealthFaultTestUnacknowledged, func(now time.Time) bool {
		if test.CompanyID == h.company {
			h.test = test.TestID
			h.group.Save(now)
		}
		return true
	}, status(&test.CompanyID))
}

// Model is the model to put into an element.
func (h *Health) Model() access.Model { return h.model }

// Attention is for how many more seconds the device attracts attention.
func (h *Health) Attention(now time.Time) uint8 {
	left := h.attention.Sub(now)
	if left <= 0 {
		return 0
	}
	return uint8((left + time.Second - 1) / time.Second)
}

// Deadline implements server.Machine: attention ends when somebody asks.
func (h *Health) Deadline() time.Time { return time.Time{} }

// Advance implements server.Machine.
func (h *Health) Advance(time.Time) {}

type savedHealth struct{ Test, Divisor uint8 }

// State implements server.Machine.
func (h *Health) State() []byte {
	data, err := json.Marshal(savedHealth{h.test, h.divisor})
	if err != nil {
		return nil
	}
	return data
}

// Restore implements server.Machine.
func (h *Health) Restore(data []byte) error {
	var s savedHealth
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("foundation: the stored state of the Health Server cannot be read: %w", err)
	}
	h.test, h.divisor = s.Test, s.Divisor
	return nil
}
