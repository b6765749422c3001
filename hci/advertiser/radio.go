package advertiser

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// scanInterval is also the scan window: the radio listens all the time and
// changes the channel every 30 ms.
const scanInterval = 30 * time.Millisecond

// setUp gives the controller random addresses and starts the scan. The address
// has to come first, because it may not change while the controller scans.
func (st *station) setUp(ctx context.Context) error {
	address, err := st.b.address()
	if err != nil {
		return err
	}
	if _, err := st.s.Do(ctx, packet.LESetRandomAddress(address)); err != nil {
		return err
	}
	st.address = address
	if st.info.Extended {
		if err := st.setUpSets(ctx); err != nil {
			return err
		}
	}
	scan := packet.Scan{Interval: scanInterval, Window: scanInterval, OwnAddress: packet.AddressRandom}
	cmd := scan.Legacy()
	if st.info.Extended {
		cmd = scan.Extended()
	}
	if _, err := st.s.Do(ctx, cmd); err != nil {
		return err
	}
	return st.scan(ctx, true)
}

// address draws a non-resolvable private address.
func (b *Bearer) address() (packet.Address, error) {
	var random [6]byte
	if _, err := io.ReadFull(b.cfg.Random, random[:]); err != nil {
		return packet.Address{}, fmt.Errorf("advertiser: expected random octets for an address, reading them failed: %w", err)
	}
	return packet.NonResolvable(random), nil
}

// setUpSets makes the advertising sets, each with its own address. If the
// controller has fewer sets than it claimed, those that work are used.
func (st *station) setUpSets(ctx context.Context) error {
	for i := range st.slots {
		sl := &st.slots[i]
		err := st.tune(ctx, sl, meshParameters(st.info.MinInterval))
		if _, refused := packet.Refused(err); refused && i > 0 {
			st.b.log.Info("the controller has fewer advertising sets than it claimed", "error", err, "sets", i)
			st.slots = st.slots[:i]
			return nil
		}
		if err != nil {
			return err
		}
		address, err := st.b.address()
		if err != nil {
			return err
		}
		if _, err := st.s.Do(ctx, packet.LESetAdvertisingSetRandomAddress(sl.handle, address)); err != nil {
			return err
		}
	}
	return nil
}

// parameters are the advertising parameters of a slot.
type parameters struct {
	interval   time.Duration // 0 if unknown
	properties uint16
	own        packet.AddressType
}

// meshParameters are those of mesh PDUs.
func meshParameters(interval time.Duration) parameters {
	return parameters{interval, packet.PropertiesNonconnectable, packet.AddressRandom}
}

// tune sets the parameters of a slot that is not on the air, if they differ
// from the current ones.
func (st *station) tune(ctx context.Context, sl *slot, p parameters) error {
	if sl.tuned == p {
		return nil
	}
	var cmd packet.Command
	if st.info.Extended {
		cmd = packet.ExtendedAdvertising{
			Handle:      sl.handle,
			Properties:  p.properties,
			IntervalMin: p.interval,
			IntervalMax: p.interval,
			Channels:    packet.AllChannels,
			OwnAddress:  p.own,
			TxPower:     packet.TxPowerAny,
			SID:         sl.handle & 0x0f,
		}.Command()
	} else {
		kind := packet.LegacyNonconnectable
		if p.properties == packet.PropertiesConnectable {
			kind = packet.LegacyConnectable
		}
		cmd = packet.LegacyAdvertising{
			IntervalMin: p.interval,
			IntervalMax: p.interval,
			Type:        kind,
			OwnAddress:  p.own,
			Channels:    packet.AllChannels,
		}.Command()
	}
	sl.tuned = parameters{} // unknown if the command fails
	if _, err := st.s.Do(ctx, cmd); err != nil {
		return err
	}
	sl.tuned = p
	return nil
}

// appendAdvertisement appends the AD structures to send: the PDU, or those that
// identify a solicitation (section 6.9.1).
func appendAdvertisement(dst []byte, out *bearer.Outgoing) []byte {
	if out.Kind == bearer.Solicitation {
		return packet.AppendService(dst, uint16(bearer.SolicitationService), out.PDU())
	}
	return packet.AppendStructure(dst, uint8(out.Kind), out.PDU())
}

// start puts a PDU on the air.
func (st *station) start(ctx context.Context, sl *slot, out *bearer.Outgoing) error {
	count := min(max(out.Transmit.Count, 1), 255)
	interval := min(max(out.Transmit.Interval, st.info.MinInterval), packet.MaxAdvertisingInterval)
	if err := st.tune(ctx, sl, meshParameters(interval)); err != nil {
		return err
	}
	var buf [packet.MaxLegacyData]byte
	data := appendAdvertisement(buf[:0], out)
	set, enable := packet.LESetAdvertisingData(data), packet.LESetAdvertisingEnable(true)
	if st.info.Extended {
		set = packet.LESetExtendedAdvertisingData(sl.handle, data)
		enable = packet.LESetExtendedAdvertisingEnable(true, sl.handle, uint8(count))
	}
	if _, err := st.s.Do(ctx, set); err != nil {
		return err
	}
	if _, err := st.s.Do(ctx, enable); err != nil {
		return err
	}
	air := time.Duration(count) * (interval + jitter)
	if st.info.Extended {
		air += air + patience
	}
	sl.until = time.Now().Add(air)
	return nil
}

// stop takes a slot off the air. When it returns, the end of the set has been
// reported or never will be, because the controller's events arrive in order.
func (st *station) stop(ctx context.Context, sl *slot) error {
	cmd := packet.LESetAdvertisingEnable(false)
	if st.info.Extended {
		cmd = packet.LESetExtendedAdvertisingEnable(false, sl.handle, 0)
	}
	_, err := st.s.Do(ctx, cmd)
	return err
}

// scan starts or stops the scan. Duplicates are not filtered: two different
// mesh PDUs from one advertiser may look like duplicates to a controller.
func (st *station) scan(ctx context.Context, on bool) error {
	cmd := packet.LESetScanEnable(on, false)
	if st.info.Extended {
		cmd = packet.LESetExtendedScanEnable(on, false)
	}
	if _, err := st.s.Do(ctx, cmd); err != nil {
		return err
	}
	st.scanning = on
	return nil
}

// pause stops the scan if it runs.
func (st *station) pause(ctx context.Context) error {
	if !st.scanning {
		return nil
	}
	st.b.counters.pauses.Add(1)
	return st.scan(ctx, false)
}
