package firmware

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// updateClient is the Firmware Update Client model of a distributor. The
// distribution runs in its context.
type updateClient struct{ *Distributor }

// ID implements access.Model.
func (updateClient) ID() mesh.ModelID { return UpdateClientID }

// Opcodes implements access.Model.
func (updateClient) Opcodes() []mesh.Opcode {
	return []mesh.Opcode{OpUpdateInformationStatus, OpUpdateFirmwareMetadataStatus, OpUpdateStatus}
}

// Receive implements access.Model.
func (c updateClient) Receive(ctx access.Context, in *access.Incoming) {
	switch in.Opcode {
	case OpUpdateInformationStatus:
		c.hear(ctx, in, &UpdateInformationStatus{})
	case OpUpdateFirmwareMetadataStatus:
		c.hear(ctx, in, &UpdateFirmwareMetadataStatus{})
	case OpUpdateStatus:
		c.hear(ctx, in, &UpdateStatus{})
	}
}

// NextDeadline implements access.Waker.
func (c updateClient) NextDeadline() time.Time { return c.round.due }

// Wake implements access.Waker.
func (c updateClient) Wake(ctx access.Context) {
	if sender, ok := ctx.(access.Sender); ok {
		c.work(ctx.Now(), sender.Send)
	}
}

// transferClient is the BLOB Transfer Client model of a distributor.
type transferClient struct{ *Distributor }

// ID implements access.Model.
func (transferClient) ID() mesh.ModelID { return blob.TransferClientID }

// Opcodes implements access.Model.
func (transferClient) Opcodes() []mesh.Opcode {
	return []mesh.Opcode{blob.OpTransferStatus, blob.OpInformationStatus, blob.OpBlockStatus, blob.OpPartialBlockReport}
}

// Receive implements access.Model.
func (c transferClient) Receive(ctx access.Context, in *access.Incoming) {
	switch in.Opcode {
	case blob.OpTransferStatus:
		c.hear(ctx, in, &blob.TransferStatus{})
	case blob.OpInformationStatus:
		c.hear(ctx, in, &blob.InformationStatus{})
	case blob.OpBlockStatus:
		c.hear(ctx, in, &blob.BlockStatus{})
	case blob.OpPartialBlockReport:
		c.hear(ctx, in, &blob.PartialBlockReport{})
	}
}

// hear takes a receiver's message with the key of the distribution.
func (d *Distributor) hear(ctx access.Context, in *access.Incoming, m access.Message) {
	if !in.DeviceKey && in.AppKey == d.order.AppKeyIndex && access.Decode(in.Params, m) == nil {
		d.round.hear(ctx.Now(), in.Src, m)
	}
}
