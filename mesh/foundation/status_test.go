package foundation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

func TestStatus(t *testing.T) {
	if err := foundation.Success.Err(); err != nil {
		t.Errorf("expected no error for Success, got %v", err)
	}
	err := foundation.InvalidAppKeyIndex.Err()
	var status foundation.StatusError
	if !errors.As(err, &status) || status.Status != foundation.InvalidAppKeyIndex || !strings.Contains(err.Error(), "invalid AppKey index") {
		t.Errorf("%v", err)
	}
	for s := range foundation.InvalidBearer + 1 {
		if s.String() == "" {
			t.Errorf("no name for 0x%02x", uint8(s))
		}
	}
	if got := (foundation.InvalidBearer + 1).String(); got != "reserved value 0x16" {
		t.Error(got)
	}
}

func TestModelName(t *testing.T) {
	for id, expected := range map[mesh.ModelID]string{
		foundation.ConfigurationServerID: "Configuration Server",
		mesh.SIGModel(0x130D):            "Light xyL Setup Server",
		mesh.SIGModel(0x7777):            "",
		mesh.VendorModel(0x005D, 0):      "",
	} {
		if got := foundation.ModelName(id); got != expected {
			t.Errorf("%s: %q", id, got)
		}
	}
}
