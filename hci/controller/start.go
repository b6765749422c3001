package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Info describes a controller as it reports itself.
type Info struct {
	Address  packet.Address // public address; zero if the controller has none
	Version  packet.Version
	Features packet.LEFeatures
	// Extended says that the extended advertising and scanning commands are
	// used. A controller rejects a mixture with the legacy commands.
	Extended bool
	// Sets is the number of advertising sets; 1 with legacy commands.
	Sets int
	// Buffers are the buffers for ACL data; zero if connections are not
	// possible.
	Buffers packet.Buffers
	// MinInterval is the shortest interval of non-connectable advertising.
	MinInterval time.Duration
}

// start resets the controller, reads its features and enables its events.
func (s *Session) start(ctx context.Context) error {
	if _, err := s.Do(ctx, packet.Reset()); err != nil {
		return err
	}
	info := Info{Sets: 1, MinInterval: packet.MinAdvertisingInterval}
	ret, err := s.Do(ctx, packet.ReadLocalVersion())
	if err == nil {
		info.Version, err = packet.ParseVersion(ret)
	}
	if err != nil {
		return err
	}
	if info.Version.HCI < packet.Core50 {
		info.MinInterval = packet.MinAdvertisingIntervalBefore5
	}
	commands, err := s.supportedCommands(ctx)
	if err != nil {
		return err
	}
	if err := s.requireLE(ctx); err != nil {
		return err
	}
	if ret, err = s.Do(ctx, packet.LEReadLocalSupportedFeatures()); err == nil {
		info.Features, err = packet.ParseLEFeatures(ret)
	}
	if err != nil {
		return err
	}
	// Some controllers have no public address, and none is needed here.
	if ret, err = s.Do(ctx, packet.ReadBDAddr()); err == nil {
		info.Address, err = packet.ParseBDAddr(ret)
	}
	if tolerable(err) != nil {
		return err
	}
	info.Extended = !s.c.cfg.Legacy && info.Features&packet.LEFeatureExtendedAdvertising != 0 &&
		commands.Has(packet.CommandLESetExtendedAdvertisingEnable) && commands.Has(packet.CommandLESetExtendedScanEnable)
	if info.Extended {
		if ret, err = s.Do(ctx, packet.LEReadNumberOfSupportedAdvertisingSets()); err == nil {
			info.Sets, err = packet.ParseAdvertisingSets(ret)
		}
		if tolerable(err) != nil {
			return err
		}
		info.Sets = max(info.Sets, 1)
	}
	if info.Buffers, err = s.buffers(ctx); err != nil {
		return err
	}
	if err := s.setEventMasks(ctx, info); err != nil {
		return err
	}
	s.info = info
	s.flow.buffers, s.flow.free = info.Buffers, info.Buffers.Count
	s.ready.Store(true)
	return nil
}

// buffers reads the ACL buffers: those of LE, or those that LE shares with
// BR/EDR. A controller that does not report any has none: it works without
// connections.
func (s *Session) buffers(ctx context.Context) (packet.Buffers, error) {
	for _, ask := range []struct {
		cmd   packet.Command
		parse func(ret []byte) (packet.Buffers, error)
	}{
		{packet.LEReadBufferSize(), packet.ParseLEBufferSize},
		{packet.ReadBufferSize(), packet.ParseBufferSize},
	} {
		ret, err := s.Do(ctx, ask.cmd)
		if tolerable(err) != nil {
			return packet.Buffers{}, err
		}
		if b, malformed := ask.parse(ret); err == nil && malformed == nil && b.Count > 0 && b.Length >= minBuffer {
			return b, nil
		}
	}
	return packet.Buffers{}, nil
}

// minBuffer is the shortest ACL buffer of an LE controller in octets (section
// 7.8.2).
const minBuffer = 27

// tolerable returns nil for a status: the controller refused the command, which
// is acceptable.
func tolerable(err error) error {
	if _, refused := packet.Refused(err); refused {
		return nil
	}
	return err
}

// supportedCommands reads the supported commands. A controller that refuses
// gets the legacy commands only.
func (s *Session) supportedCommands(ctx context.Context) (packet.SupportedCommands, error) {
	ret, err := s.Do(ctx, packet.ReadLocalSupportedCommands())
	if err != nil {
		return packet.SupportedCommands{}, tolerable(err)
	}
	return packet.ParseSupportedCommands(ret)
}

// requireLE rejects a controller without Low Energy. One that refuses to answer
// is tried.
func (s *Session) requireLE(ctx context.Context) error {
	ret, err := s.Do(ctx, packet.ReadLocalSupportedFeatures())
	if err != nil {
		return tolerable(err)
	}
	features, err := packet.ParseLMPFeatures(ret)
	if err != nil {
		return err
	}
	if features&packet.LMPFeatureLE == 0 {
		return fmt.Errorf("controller: expected Bluetooth Low Energy, got none (LMP features 0x%016x); use another adapter: %w", uint64(features), ErrUnsuitable)
	}
	return nil
}

// setEventMasks enables the events that are used here, and none that an older
// controller does not know.
func (s *Session) setEventMasks(ctx context.Context, info Info) error {
	mask := packet.EventMaskDisconnectionComplete | packet.EventMaskHardwareError |
		packet.EventMaskDataBufferOverflow | packet.EventMaskLEMeta
	if _, err := s.Do(ctx, packet.SetEventMask(mask)); err != nil {
		return err
	}
	le := packet.LEEventMaskConnectionComplete | packet.LEEventMaskAdvertisingReport | packet.LEEventMaskConnectionUpdateComplete
	if info.Features&packet.LEFeatureDataLength != 0 {
		le |= packet.LEEventMaskDataLengthChange
	}
	if info.Extended {
		le |= packet.LEEventMaskEnhancedConnection | packet.LEEventMaskExtendedAdvertisingReport | packet.LEEventMaskAdvertisingSetTerminated
	}
	_, err := s.Do(ctx, packet.LESetEventMask(le))
	return err
}
