package bridge

import (
	"context"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
)

// This file says what a device that can distribute firmware has, and tidies it
// up.

// distributionServer finds the element of a device that distributes firmware.
func (m *managed) distributionServer() (mesh.Address, error) {
	if m.record.Composition == nil {
		return 0, m.ready()
	}
	for i, e := range m.record.Composition.Elements {
		if slices.Contains(e.Models, firmware.DistributionServerID) && slices.Contains(e.Models, blob.TransferServerID) {
			return m.record.Address + mesh.Address(i), nil
		}
	}
	return 0, fail("not_supported", "%s cannot distribute firmware: it has no Firmware Distribution Server", m.record.Name)
}

// askDistributor asks the distributor of a device and decodes the answer.
func askDistributor[T access.Message](ctx context.Context, s *Service, to *requester, target mesh.Address, ask access.Message, respond mesh.Opcode) (T, error) {
	m, err := s.askUpdate(ctx, to, target, blob.Ask{Message: ask, Respond: respond})
	answer, ok := m.(T)
	if err == nil && !ok {
		err = fail("failed", "the answer of the distributor is something else: %T", m)
	}
	return answer, err
}

// checkDistributor tells what firmware a distributor has, what it has room for,
// and whether it is at work.
func (s *Service) checkDistributor(ctx context.Context, to *requester, target mesh.Address) (map[string]any, error) {
	can, err := askDistributor[*firmware.DistributionCapabilitiesStatus](
		ctx, s, to, target, &firmware.DistributionCapabilitiesGet{}, firmware.OpDistributionCapabilitiesStatus)
	if err != nil {
		return nil, err
	}
	at, err := askDistributor[*firmware.DistributionStatus](ctx, s, to, target, &firmware.DistributionGet{}, firmware.OpDistributionStatus)
	if err != nil {
		return nil, err
	}
	const most = 16 // images that are looked at
	images := []any{}
	for index, count := uint16(0), uint16(1); index < min(count, most); index++ {
		image, err := askDistributor[*firmware.DistributionFirmwareStatus](
			ctx, s, to, target, &firmware.DistributionFirmwareGetByIndex{FirmwareImageIndex: index}, firmware.OpDistributionFirmwareStatus)
		if err != nil {
			return nil, err
		}
		if count = image.FirmwareImagesListCount; image.Status == firmware.DistributionSuccess && image.HasFirmware {
			images = append(images, firmwareDocument(image.FirmwareID))
		}
	}
	return map[string]any{
		"phase": at.Phase.String(), "images": images, "max_receivers": can.MaxReceiversListSize, "max_images": can.MaxFirmwareImagesListSize,
		"max_image_size": can.MaxFirmwareImageSize, "space": can.MaxUploadSpace, "room": can.RemainingUploadSpace,
		"fetches": can.OutOfBandRetrievalSupported,
	}, nil
}

// abortDistributor ends what a distributor does.
func (s *Service) abortDistributor(ctx context.Context, to *requester, target mesh.Address) error {
	if _, err := askDistributor[*firmware.DistributionUploadStatus](
		ctx, s, to, target, &firmware.DistributionUploadCancel{}, firmware.OpDistributionUploadStatus); err != nil {
		return err
	}
	_, err := askDistributor[*firmware.DistributionStatus](ctx, s, to, target, &firmware.DistributionCancel{}, firmware.OpDistributionStatus)
	return err
}

// requestUpdateClear deletes firmware that a distributor keeps: that with an
// identifier, or all.
func (s *Service) requestUpdateClear(payload []byte, reply answer) {
	var in struct {
		common
		ID         string `json:"id"`
		FirmwareID string `json:"firmware_id"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	m, err := s.named("id", in.ID)
	if err != nil {
		reply(nil, err)
		return
	}
	target, err := m.distributionServer()
	var id firmware.ID
	if err == nil {
		id, err = parseFirmwareID(in.FirmwareID)
	}
	if err == nil {
		err = s.free(m)
	}
	if err != nil {
		reply(m.who(), err)
		return
	}
	var ask access.Message = &firmware.DistributionFirmwareDeleteAll{}
	if in.FirmwareID != "" {
		ask = &firmware.DistributionFirmwareDelete{FirmwareID: id}
	}
	to := s.requester(m)
	s.work(func(ctx context.Context) {
		status, err := askDistributor[*firmware.DistributionFirmwareStatus](ctx, s, to, target, ask, firmware.OpDistributionFirmwareStatus)
		switch {
		case err != nil:
		case status.Status == firmware.DistributionBusy:
			err = fail("busy", "%s keeps its firmware while there is a distribution; abort that first", to.device)
		case status.Status != firmware.DistributionSuccess:
			err = fail("refused", "%s refused to delete firmware: %s", to.device, status.Status)
		}
		s.post(func() { reply(m.who(), err) })
	})
}
