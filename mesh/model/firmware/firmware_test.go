package firmware_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

// Octets of messages that the vectors do not contain.
func TestOctets(t *testing.T) {
	id := firmware.ID{CompanyID: 0x0059, Version: []byte{1, 2}}
	label := mesh.UUID{1, 15: 2}
	for _, c := range []struct {
		m    access.Message
		want string
	}{
		{&firmware.UpdateInformationGet{FirstIndex: 1, EntriesLimit: 2}, "83080102"},
		{&firmware.UpdateFirmwareMetadataCheck{ImageIndex: 1, Metadata: []byte{9}}, "830a0109"},
		{&firmware.UpdateFirmwareMetadataStatus{Status: firmware.MetadataCheckFailed, Effect: firmware.Unprovisioned, ImageIndex: 1}, "830b1d01"},
		{&firmware.UpdateGet{}, "830c"},
		{&firmware.UpdateStart{TTL: mesh.DefaultTTL, TimeoutBase: 0x0102, BLOBID: 0x0807060504030201, ImageIndex: 3, Metadata: []byte{9}}, "830dff0201" + "0102030405060708" + "03" + "09"},
		{&firmware.UpdateCancel{}, "830e"},
		{&firmware.UpdateApply{}, "830f"},
		{&firmware.UpdateStatus{Status: firmware.WrongPhase}, "831002"},
		{&firmware.DistributionReceiversAdd{Receivers: []firmware.Receiver{{Address: 0x0102, ImageIndex: 3}}}, "8311020103"},
		{&firmware.DistributionReceiversDeleteAll{}, "8312"},
		{&firmware.DistributionReceiversStatus{Status: 6, ReceiversListCount: 1}, "8313060100"},
		{&firmware.DistributionReceiversGet{FirstIndex: 1, EntriesLimit: 2}, "831401000200"},
		{&firmware.DistributionCapabilitiesGet{}, "8316"},
		{&firmware.DistributionCapabilitiesStatus{MaxReceiversListSize: 1, MaxFirmwareImagesListSize: 2, MaxFirmwareImageSize: 3, MaxUploadSpace: 4, RemainingUploadSpace: 5}, "8317" + "0100" + "0200" + "03000000" + "04000000" + "05000000" + "00"},
		{&firmware.DistributionCapabilitiesStatus{OutOfBandRetrievalSupported: true, SupportedURISchemeNames: []byte{0x17}}, "8317" + "0000" + "0000" + "00000000" + "00000000" + "00000000" + "01" + "17"},
		{&firmware.DistributionStart{AppKeyIndex: 0x123, TTL: 5, TimeoutBase: 6, Mode: blob.Push, ApplyUpdate: true, FirmwareImageIndex: 7, MulticastAddress: 0xC001}, "8319" + "2301" + "05" + "0600" + "05" + "0700" + "01c0"},
		{&firmware.DistributionStart{AppKeyIndex: 1, TTL: 5, Mode: blob.Pull, HasLabel: true, Label: label}, "8319" + "0100" + "05" + "0000" + "02" + "0000" + "01000000000000000000000000000002"},
		{&firmware.DistributionSuspend{}, "831a"},
		{&firmware.DistributionCancel{}, "831b"},
		{&firmware.DistributionApply{}, "831c"},
		{&firmware.DistributionStatus{Status: 2, Phase: 7}, "831d0207"},
		{&firmware.DistributionStatus{Phase: 1, HasDistribution: true, MulticastAddress: 0xC001, AppKeyIndex: 1, TTL: 5, TimeoutBase: 6, Mode: blob.Push, ApplyUpdate: true, FirmwareImageIndex: 7}, "831d0001" + "01c0" + "0100" + "05" + "0600" + "05" + "0700"},
		{&firmware.DistributionUploadStart{TTL: 5, TimeoutBase: 6, BLOBID: 1, FirmwareSize: 0x0203, Metadata: []byte{8}, FirmwareID: id}, "831f" + "05" + "0600" + "0100000000000000" + "03020000" + "0108" + "59000102"},
		{&firmware.DistributionUploadOOBStart{URI: "ab", FirmwareID: id}, "8320" + "026162" + "59000102"},
		{&firmware.DistributionUploadStatus{Status: 8}, "83220800"},
		{&firmware.DistributionFirmwareGet{FirmwareID: id}, "832359000102"},
		{&firmware.DistributionFirmwareGetByIndex{FirmwareImageIndex: 1}, "83240100"},
		{&firmware.DistributionFirmwareDelete{FirmwareID: id}, "832559000102"},
		{&firmware.DistributionFirmwareDeleteAll{}, "8326"},
		{&firmware.DistributionFirmwareStatus{Status: 4, FirmwareImagesListCount: 1, FirmwareImageIndex: 0xFFFF}, "8327040100ffff"},
		{&firmware.DistributionFirmwareStatus{FirmwareImagesListCount: 1, HasFirmware: true, FirmwareID: id}, "8327000100000059000102"},
	} {
		got, err := access.Append(nil, c.m)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%T: %x, %v, want %s", c.m, got, err, c.want)
			continue
		}
		_, params, err := access.ParseOpcode(got)
		if err != nil {
			t.Fatal(err)
		}
		again := reflect.New(reflect.TypeOf(c.m).Elem()).Interface().(access.Message)
		if err := access.Decode(params, again); err != nil || !reflect.DeepEqual(again, c.m) {
			t.Errorf("%+v became %+v, %v", c.m, again, err)
		}
	}
}

// image is the firmware of a device in the test.
type image struct {
	id      firmware.ID
	effect  firmware.Effect
	written []byte
	broken  bool
	stuck   bool // it does not run what was applied
}

func (i *image) Information() firmware.Information { return firmware.Information{FirmwareID: i.id} }

func (i *image) Check(metadata []byte) (firmware.Effect, firmware.Status) {
	if len(metadata) == 0 {
		return 0, firmware.MetadataCheckFailed
	}
	return i.effect, firmware.Success
}

func (i *image) Write(offset uint32, part []byte) bool {
	if end := int(offset) + len(part); end > len(i.written) {
		i.written = append(i.written, make([]byte, end-len(i.written))...)
	}
	copy(i.written[offset:], part)
	return true
}

func (i *image) Verify([]byte) bool { return !i.broken }

func (i *image) Apply(access.Context) {
	if !i.stuck {
		i.id.Version = []byte{2}
	}
}

func (i *image) Keep() []byte { return i.id.Version }

func (i *image) Restore(state []byte) error {
	i.id.Version = bytes.Clone(state)
	return nil
}

func (i *image) Written() []byte { return i.written }

func (i *image) Rewrite(data []byte) { i.written = bytes.Clone(data) }

// node is a device with its bench.
type node struct {
	*servertest.Bench
	*image
	server *firmware.UpdateServer
	silent bool
}

func newNode(t testing.TB) *node {
	n := &node{image: &image{id: firmware.ID{CompanyID: 0x0059, Version: []byte{1}}}}
	transfer := blob.NewServer(blob.DefaultLimits(10000))
	n.server = firmware.NewUpdateServer(transfer, n.image)
	n.Bench = servertest.New(t, transfer, n.server)
	return n
}

var errSilent = errors.New("no answer")

// run carries out an update.
func (n *node) run(u *firmware.Updater) {
	n.Helper()
	for steps := 0; !u.Done(); steps++ {
		if steps > 2000 {
			n.Fatal("the update does not end")
		}
		ask, ok := u.Next(n.Time)
		if !ok {
			n.Pass(time.Second)
			continue
		}
		n.Pass(100 * time.Millisecond)
		if n.silent {
			u.Answer(n.Time, nil, errSilent)
			continue
		}
		answer := n.Send(ask.Message)
		if answer == nil && ask.Respond != 0 {
			u.Answer(n.Time, nil, errSilent)
			continue
		}
		u.Answer(n.Time, answer, nil)
	}
}

func update(version ...byte) firmware.Update {
	data := bytes.Repeat([]byte{0xAB}, 3000)
	return firmware.Update{
		Object:   blob.Object{ID: 77, Data: bytes.NewReader(data), Size: uint32(len(data))},
		Metadata: []byte{1}, Firmware: firmware.ID{CompanyID: 0x0059, Version: version},
	}
}

func TestUpdater(t *testing.T) {
	for name, c := range map[string]struct {
		change func(n *node, u *firmware.Update)
		want   error
	}{
		"done":              {func(*node, *firmware.Update) {}, nil},
		"version not known": {func(_ *node, u *firmware.Update) { u.Firmware = firmware.ID{} }, nil},
		"leaves":            {func(n *node, _ *firmware.Update) { n.effect, n.stuck = firmware.Unprovisioned, true }, nil},
		"the same":          {func(n *node, _ *firmware.Update) { n.id.Version = []byte{2} }, firmware.ErrSame},
		"metadata":          {func(_ *node, u *firmware.Update) { u.Metadata = nil }, firmware.ErrRefused},
		"no image":          {func(_ *node, u *firmware.Update) { u.ImageIndex = 4 }, firmware.ErrNoImage},
		"broken":            {func(n *node, _ *firmware.Update) { n.broken = true }, firmware.ErrVerify},
		"does not run":      {func(n *node, _ *firmware.Update) { n.stuck = true }, firmware.ErrNotRun},
		"silent":            {func(n *node, _ *firmware.Update) { n.silent = true }, firmware.ErrSilent},
		"too large":         {func(_ *node, u *firmware.Update) { u.Object.Size = 10001 }, blob.ErrNoMatch},
	} {
		t.Run(name, func(t *testing.T) {
			n, wanted := newNode(t), update(2)
			c.change(n, &wanted)
			u := firmware.NewUpdater(wanted)
			n.run(u)
			if !errors.Is(u.Err(), c.want) || c.want == nil && u.Stage() != firmware.StageDone || c.want != nil && u.Stage() != firmware.StageFailed {
				t.Errorf("%s: %v", u.Stage(), u.Err())
			}
			if c.want == nil && len(n.written) != 3000 {
				t.Errorf("%d octets were written", len(n.written))
			}
		})
	}
}

// An update that was verified and not applied only needs to be applied.
func TestUpdaterGoesOnWithVerifiedFirmware(t *testing.T) {
	n := newNode(t)
	u := firmware.NewUpdater(update(2))
	for n.server.Phase() != firmware.VerificationSucceeded {
		ask, ok := u.Next(n.Time)
		if !ok {
			t.Fatal("nothing to send")
		}
		u.Answer(n.Time, n.Send(ask.Message), nil)
	}
	n.written = nil
	u = firmware.NewUpdater(update(2))
	if n.run(u); u.Err() != nil || u.Stage() != firmware.StageDone || n.written != nil {
		t.Errorf("%s, %v, %d octets written again", u.Stage(), u.Err(), len(n.written))
	}
}

// Another update is refused until the first one is canceled.
func TestUpdateServerHasOneUpdate(t *testing.T) {
	n := newNode(t)
	start := func(id blob.ID) firmware.Status {
		t.Helper()
		m, ok := n.Send(&firmware.UpdateStart{TTL: mesh.DefaultTTL, BLOBID: id, Metadata: []byte{1}}).(*firmware.UpdateStatus)
		if !ok {
			t.Fatal("no answer")
		}
		return m.Status
	}
	for i, c := range []struct {
		send access.Message
		id   blob.ID
		want firmware.Status
	}{
		{&firmware.UpdateApply{}, 0, firmware.WrongPhase},
		{nil, 1, firmware.Success},
		{nil, 1, firmware.Success}, // the same request again
		{nil, 2, firmware.WrongPhase},
		{&firmware.UpdateCancel{}, 0, firmware.Success},
		{nil, 2, firmware.Success},
	} {
		got := firmware.Success
		if c.send == nil {
			got = start(c.id)
		} else if m, ok := n.Send(c.send).(*firmware.UpdateStatus); ok {
			got = m.Status
		}
		if got != c.want {
			t.Errorf("step %d: %s, want %s", i, got, c.want)
		}
	}
	n.Pass(time.Minute) // nobody sends it
	if n.server.Phase() != firmware.TransferError {
		t.Errorf("after silence: %s", n.server.Phase())
	}
	if got := start(3); got != firmware.Success {
		t.Errorf("after an error: %s", got)
	}
	if m, ok := n.Send(&firmware.UpdateInformationGet{FirstIndex: 1, EntriesLimit: 1}).(*firmware.UpdateInformationStatus); !ok || m.FirmwareInformationListCount != 1 || len(m.Entries) != 0 {
		t.Errorf("beyond the list: %+v", m)
	}
}
