package bearer_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

const ms = time.Millisecond

// old is the pace of a Bluetooth 4.2 controller.
func old() bearer.Pace { return bearer.Pace{Interval: 100 * ms, Delay: 10 * ms, End: 110 * ms} }

// paced is a radio that knows its pace.
type paced struct {
	radio
	pace bearer.Pace
}

func (p *paced) Pace() bearer.Pace { return p.pace }

func TestAirtime(t *testing.T) {
	thrice := bearer.Transmit{Count: 3, Interval: 20 * ms}
	for name, test := range map[string]struct {
		pace bearer.Pace
		of   bearer.Transmit
		want time.Duration
	}{
		"usual":         {bearer.UsualPace(), thrice, 60 * ms},
		"old":           {old(), thrice, 330 * ms},
		"once":          {bearer.UsualPace(), bearer.Transmit{Count: 1, Interval: 20 * ms}, 10 * ms},
		"no count":      {bearer.UsualPace(), bearer.Transmit{}, 10 * ms},
		"far apart":     {bearer.UsualPace(), bearer.Transmit{Count: 2, Interval: 300 * ms}, 315 * ms},
		"the slower of": {bearer.Fanout{&paced{pace: bearer.UsualPace()}, &radio{}, &paced{pace: old()}}.Pace(), thrice, 330 * ms},
	} {
		if got := test.pace.Airtime(test.of); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if p := (bearer.Fanout{&radio{}}).Pace(); p != (bearer.Pace{}) {
		t.Errorf("with an unknown radio: %+v", p)
	}
}
