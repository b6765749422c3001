package damage_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/damage"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/parttest"
)

func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		findings := []string{"dir/replay.journal: 3 records were damaged", "dir/mesh.manifest: it was missing"}
		var p *damage.Part
		b := parttest.Start(t, func(h *part.Host) part.Part { p = damage.New(h, findings); return p })
		b.Do(p.Start)
		if got := b.Take("b/bridge/logging"); len(got) != 2 || !strings.Contains(got[0], findings[0]) {
			t.Errorf("logged %q", got)
		}
		if got := b.Take("b/bridge/event"); len(got) != 1 || !strings.Contains(got[0], "store_repaired") || !strings.Contains(got[0], findings[1]) {
			t.Errorf("events %q", got)
		}
		var health document.Health
		if p.Health(&health); !slices.Equal(health.StoreRepaired, findings) {
			t.Errorf("health %q", health.StoreRepaired)
		}
	})
}

// TestNothingWrong has a store without damage: nothing is told.
func TestNothingWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *damage.Part
		b := parttest.Start(t, func(h *part.Host) part.Part { p = damage.New(h, nil); return p })
		b.Do(p.Start)
		if got := b.Take(""); len(got) != 0 {
			t.Errorf("published %q", got)
		}
	})
}
