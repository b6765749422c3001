package lists

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
)

func TestPace(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		list   string
		again  bool
		octets int // of the last publication
		want   time.Duration
	}{
		"info":                    {info, false, 0, 0},
		"health":                  {health, false, 0, 0},
		"devices":                 {devices, false, 500, shortWait},
		"unprovisioned":           {unprovisioned, false, 500, shortWait},
		"many devices":            {devices, false, longList + 1, longWait},
		"many devices once again": {devices, true, longList + 1, 0},
	} {
		p := newPace()
		p.octets[test.list] = test.octets
		p.note([]publish.Mark{{List: test.list, Again: test.again}}, start)
		// Later changes do not put it off.
		p.note([]publish.Mark{{List: test.list}}, start.Add(time.Second))
		if test.want > 0 {
			if due, _ := p.take(test.list, start.Add(test.want-1)); due {
				t.Errorf("%s: due before %s", name, test.want)
			}
		}
		due, again := p.take(test.list, start.Add(test.want))
		if !due || again != test.again {
			t.Errorf("%s: due %t, again %t after %s", name, due, again, test.want)
		}
		if due, _ := p.take(test.list, start.Add(time.Hour)); due {
			t.Errorf("%s: due twice", name)
		}
	}
}

// The end does not wait.
func TestPaceAtTheEnd(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPace()
	p.note([]publish.Mark{{List: devices}}, start)
	p.hasten(start)
	if due, again := p.take(devices, start); !due || again {
		t.Errorf("due %t, again %t", due, again)
	}
}
