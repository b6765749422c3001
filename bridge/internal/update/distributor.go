package update

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// This file reads and deletes the firmware that a Firmware Distribution Server keeps.

// distributionServer returns the address of the Firmware Distribution Server of a
// device.
func distributionServer(d *registry.Device) (mesh.Address, error) {
	return elementWith(d, firmware.DistributionServerID, "cannot distribute firmware: it has no Firmware Distribution Server")
}

// askDistributor sends a message to a Firmware Distribution Server and decodes the
// answer.
func askDistributor[T access.Message](ctx context.Context, p *Part, to *sender, target mesh.Address, ask access.Message, respond mesh.Opcode) (T, error) {
	m, err := p.ask(ctx, to, target, blob.Ask{Message: ask, Respond: respond})
	answer, ok := m.(T)
	if err == nil && !ok {
		err = fault.New("failed", "the answer of the distributor is something else: %T", m)
	}
	return answer, err
}

// checkDistributor reads the phase, the firmware and the capacity of a distributor.
func (p *Part) checkDistributor(ctx context.Context, to *sender, target mesh.Address) (*distributor, error) {
	can, err := askDistributor[*firmware.DistributionCapabilitiesStatus](
		ctx, p, to, target, &firmware.DistributionCapabilitiesGet{}, firmware.OpDistributionCapabilitiesStatus)
	if err != nil {
		return nil, err
	}
	at, err := askDistributor[*firmware.DistributionStatus](ctx, p, to, target, &firmware.DistributionGet{}, firmware.OpDistributionStatus)
	if err != nil {
		return nil, err
	}
	const most = 16 // images that are listed
	images := []version{}
	for index, count := uint16(0), uint16(1); index < min(count, most); index++ {
		image, err := askDistributor[*firmware.DistributionFirmwareStatus](
			ctx, p, to, target, &firmware.DistributionFirmwareGetByIndex{FirmwareImageIndex: index}, firmware.OpDistributionFirmwareStatus)
		if err != nil {
			return nil, err
		}
		if count = image.FirmwareImagesListCount; image.Status == firmware.DistributionSuccess && image.HasFirmware {
			images = append(images, versionOf(image.FirmwareID))
		}
	}
	return &distributor{
		Phase: at.Phase.String(), Images: images, MaxReceivers: can.MaxReceiversListSize, MaxImages: can.MaxFirmwareImagesListSize,
		MaxImageSize: can.MaxFirmwareImageSize, Space: can.MaxUploadSpace, Room: can.RemainingUploadSpace,
		Fetches: can.OutOfBandRetrievalSupported,
	}, nil
}

// abortDistributor cancels the upload and the distribution of a distributor.
func (p *Part) abortDistributor(ctx context.Context, to *sender, target mesh.Address) error {
	if _, err := askDistributor[*firmware.DistributionUploadStatus](
		ctx, p, to, target, &firmware.DistributionUploadCancel{}, firmware.OpDistributionUploadStatus); err != nil {
		return err
	}
	_, err := askDistributor[*firmware.DistributionStatus](ctx, p, to, target, &firmware.DistributionCancel{}, firmware.OpDistributionStatus)
	return err
}

// clear deletes the firmware with an identifier from a distributor, or all of it.
func (p *Part) clear(c *request.Call[document.DeviceReference], in clearIn) {
	d, err := p.h.Devices.Named("id", string(in.ID))
	if err != nil {
		c.Fail(err)
		return
	}
	target, err := distributionServer(d)
	var id firmware.ID
	if err == nil {
		id, err = parseFirmwareID(in.FirmwareID)
	}
	if err == nil {
		err = p.free(d)
	}
	if err != nil {
		c.Answer(d.Who(), err)
		return
	}
	var ask access.Message = &firmware.DistributionFirmwareDeleteAll{}
	if in.FirmwareID != "" {
		ask = &firmware.DistributionFirmwareDelete{FirmwareID: id}
	}
	to := p.sender(d)
	p.h.Loop.Go(func(ctx context.Context) {
		status, err := askDistributor[*firmware.DistributionFirmwareStatus](ctx, p, to, target, ask, firmware.OpDistributionFirmwareStatus)
		switch {
		case err != nil:
		case status.Status == firmware.DistributionBusy:
			err = fault.New("busy", "%s keeps its firmware while there is a distribution; abort that first", to.Device)
		case status.Status != firmware.DistributionSuccess:
			err = fault.New("refused", "%s refused to delete firmware: %s", to.Device, status.Status)
		}
		p.h.Loop.Post(func() { c.Answer(d.Who(), err) })
	})
}
