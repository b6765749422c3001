package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// requestIVUpdate takes the network to the next IV index, or, while an update is
// in progress, ends that.
func (s *Service) requestIVUpdate(payload []byte, reply answer) {
	var in struct {
		common
		TestMode *bool  `json:"test_mode"`
		To       string `json:"to"` // updating or normal
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	var change func(context.Context) error
	switch in.To {
	case "", "updating":
		change = s.cfg.Mesh.BeginIVUpdate
	case "normal":
		change = s.cfg.Mesh.EndIVUpdate
	default:
		reply(nil, fail("bad_value", "to: expected updating or normal, got %q", clip(in.To)))
		return
	}
	s.work(func(ctx context.Context) {
		var err error
		if in.TestMode != nil {
			err = s.cfg.Mesh.SetIVTestMode(ctx, *in.TestMode)
		}
		if err == nil {
			err = change(ctx)
		}
		summary, failed := s.cfg.Mesh.Summary(ctx)
		s.post(func() {
			if failed == nil {
				s.tookSummary(summary)
			}
			reply(map[string]any{"iv_index": s.summary.IVIndex, "in_progress": s.summary.IVUpdate}, ivFailure(err))
		})
	})
}

// ivFailure gives the errors of an IV Update their words.
func ivFailure(err error) error {
	switch {
	case errors.Is(err, node.ErrIVTooEarly):
		return fail("too_early", "%w; for tests, \"test_mode\":true does without them", err)
	case errors.Is(err, node.ErrIVUpdating), errors.Is(err, node.ErrIVNormal):
		return fail("wrong_state", "%w", err)
	default:
		return err
	}
}

func (s *Service) tookSummary(summary node.Summary) {
	s.summary = summary
	s.lists["info"], s.lists["health"] = true, true
}

// ivInfo is the IV Update procedure as bridge/info shows it.
type ivInfo struct {
	Hours    int  `json:"hours_in_state"`
	Possible bool `json:"change_possible"` // the 96 hours have passed
	TestMode bool `json:"test_mode"`
}

func (s *Service) ivInfo() ivInfo {
	iv := s.summary.IV
	return ivInfo{
		Hours:    int(iv.Elapsed / time.Hour),
		Possible: iv.TestMode || iv.Elapsed >= beacon.MinStateDuration,
		TestMode: iv.TestMode,
	}
}
