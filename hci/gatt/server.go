package gatt

import (
	"fmt"
	"slices"

	"github.com/go-ble/ble"
	"github.com/go-ble/ble/linux/att"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/connection"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// deviceName is the name that a peer can read. It fits into the shortest MTU,
// because go-ble's server cannot send longer values.
const deviceName = "btmesh2mqtt"

// server is the GATT server of one link. Each link has its own database,
// because the handlers belong to the link.
type server struct {
	att      *att.Server
	conn     *conn
	notifier chan ble.Notifier // capacity 1: filled when the client has subscribed
}

// newServer offers one service on a connection. received is called with what
// the client writes to Data In after it has subscribed to Data Out. Earlier
// writes are dropped, because they could not be answered.
func newServer(l2cap *connection.Connection, mtu int, peer bearer.Peer, service bearer.Service, received func([]byte), n *counters) (*server, error) {
	s := &server{notifier: make(chan ble.Notifier, 1)}
	gap := ble.NewService(ble.GAPUUID)
	gap.NewCharacteristic(ble.DeviceNameUUID).SetValue([]byte(deviceName))
	gap.NewCharacteristic(ble.AppearanceUUID).SetValue([]byte{0, 0})
	inUUID, outUUID := characteristics(service)
	mesh := ble.NewService(ble.UUID16(uint16(service)))
	in := mesh.NewCharacteristic(ble.UUID16(inUUID))
	in.HandleWrite(ble.WriteHandlerFunc(func(r ble.Request, _ ble.ResponseWriter) {
		if !s.conn.subscribed() {
			n.dropped.Add(1)
			return
		}
		received(slices.Clone(r.Data()))
	}))
	in.Property = ble.CharWriteNR
	out := mesh.NewCharacteristic(ble.UUID16(outUUID))
	out.HandleNotify(ble.NotifyHandlerFunc(func(_ ble.Request, n ble.Notifier) {
		select {
		case s.notifier <- n:
		default: // it subscribed before, which is about to end the link
		}
	}))
	db := att.NewDB([]*ble.Service{gap, mesh}, 1)
	const valueToConfiguration = 1 // the first descriptor follows the value
	g := guard{server: true, mtu: mtu, configuration: out.ValueHandle + valueToConfiguration}
	s.conn = newConn(l2cap, g, peer.String(), nil, &n.dropped)
	var err error
	if s.att, err = att.NewServer(db, s.conn); err != nil {
		return nil, fmt.Errorf("gatt: %w", err)
	}
	return s, nil
}

// run answers the client until the connection is closed.
func (s *server) run() {
	defer func() {
		if r := recover(); r != nil {
			s.conn.l2cap.Close(broken("go-ble failed on its requests: %v", r))
		}
	}()
	s.att.Loop()
}
