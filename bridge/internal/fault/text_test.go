package fault_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

func TestText(t *testing.T) {
	tests := []struct {
		err  error
		says string
	}{
		{context.Canceled, "the bridge is being stopped"},
		{fmt.Errorf("interview: %w", node.ErrStopped), "the bridge is being stopped"},
		{fault.New("busy", "another scan: %w", context.Canceled), "another scan: context canceled"},
		{fmt.Errorf("no answer"), "no answer"},
	}
	for _, tt := range tests {
		if got := fault.Text(tt.err); got != tt.says {
			t.Errorf("%v: got %q, expected %q", tt.err, got, tt.says)
		}
	}
}
