package friend

import "time"

// Factor is a weight in the local delay of a Friend Offer: 0 to 3 mean 1, 1.5,
// 2 and 2.5.
type Factor uint8

// halves is twice the factor.
func (f Factor) halves() int { return 2 + int(f&3) }

// Criteria are the requirements of a Low Power node for its friend (section
// 3.6.5.3).
//
//	+-----+-------------+-----------------------+--------------------+
//	| RFU | RSSI factor | receive window factor | min queue size log |
//	+-----+-------------+-----------------------+--------------------+
//	   1         2                  2                     3           bits
type Criteria struct {
	RSSI            Factor
	ReceiveWindow   Factor
	MinQueueSizeLog uint8 // the queue has room for at least 2^n PDUs, 1 to 7
}

func criteriaOf(octet uint8) Criteria {
	return Criteria{RSSI: Factor(octet >> 5 & 3), ReceiveWindow: Factor(octet >> 3 & 3), MinQueueSizeLog: octet & 7}
}

func (c Criteria) octet() uint8 {
	return uint8(c.RSSI&3)<<5 | uint8(c.ReceiveWindow&3)<<3 | c.MinQueueSizeLog&7
}

// MinQueueSize is the minimum size of the Friend Queue in PDUs.
func (c Criteria) MinQueueSize() int { return 1 << (c.MinQueueSizeLog & 7) }

// leastOfferDelay is the time that a Low Power node needs to switch from
// sending to receiving.
const leastOfferDelay = 100 * time.Millisecond

// OfferDelay is how long a friend waits before its offer, so that the most
// suitable offer comes first (section 3.6.6.3.1): the weighted receive window
// minus the weighted signal strength, in milliseconds. An unknown signal
// strength (127) counts as the weakest.
func (c Criteria) OfferDelay(window time.Duration, rssi int8) time.Duration {
	halves := c.ReceiveWindow.halves()*int(window/time.Millisecond) - c.RSSI.halves()*strength(rssi)
	return max(time.Duration(halves)*time.Millisecond/2, leastOfferDelay)
}

// strength is a signal strength in dBm to compare with others. An unknown one counts as
// the weakest.
func strength(rssi int8) int {
	const most = 20 // more than that no controller reports
	if rssi > most {
		return -127
	}
	return int(rssi)
}
