package health_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/health"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
)

func TestProhibitedValues(t *testing.T) {
	messagetest.Refusals(t, []messagetest.Refusal{{new(health.PeriodSet), "10"}})
}
