package friend

import "testing"

// TestUnknownStrengthIsWeakest: a friend that does not know how well it hears the Low
// Power node is not preferred to one that does.
func TestUnknownStrengthIsWeakest(t *testing.T) {
	l := &LowPower{best: Offer{RSSI: -80}}
	if l.better(&Offer{RSSI: 127}) {
		t.Error("an unknown strength was preferred to -80 dBm")
	}
	l.best.RSSI = 127
	if !l.better(&Offer{RSSI: -100}) {
		t.Error("-100 dBm was not preferred to an unknown strength")
	}
}
