package gatt

import (
	"errors"
	"fmt"

	"github.com/go-ble/ble"
	"github.com/go-ble/ble/linux/gatt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// characteristics are the Data In and Data Out characteristics of a service.
func characteristics(s bearer.Service) (in, out uint16) {
	if s == bearer.ProvisioningService {
		return 0x2adb, 0x2adc
	}
	return 0x2add, 0x2ade
}

// client is the GATT client of a link with a service that is ready for use.
type client struct {
	gatt *gatt.Client
	conn *conn
	in   *ble.Characteristic
}

// ready connects go-ble's client to a peer and prepares the service: the MTU,
// the service with its characteristics, and the subscription to Data Out. It
// fails at the latest when the connection is closed. A panic of go-ble, which
// the guard should prevent, becomes an error.
func ready(c *conn, service bearer.Service) (ready *client, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = broken("go-ble failed on its answers: %v", r)
		}
		if err == nil {
			return
		}
		if why := c.l2cap.Err(); why != nil {
			err = why // the cause instead of its consequence
		}
	}()
	g, err := gatt.NewClient(c)
	if err != nil {
		return nil, fmt.Errorf("gatt: %w", err)
	}
	var refused ble.ATTError
	if _, err := g.ExchangeMTU(c.RxMTU()); err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("gatt: exchange of the MTU: %w", err)
	}
	services, err := g.DiscoverServices([]ble.UUID{ble.UUID16(uint16(service))})
	if err != nil {
		return nil, fmt.Errorf("gatt: looking for the %s: %w", service, err)
	}
	if len(services) == 0 {
		return nil, fmt.Errorf("gatt: expected the %s (0x%04x), the peer does not have it: %w", service, uint16(service), ErrService)
	}
	inUUID, outUUID := characteristics(service)
	all, err := g.DiscoverCharacteristics(nil, services[0])
	if err != nil {
		return nil, fmt.Errorf("gatt: looking for the characteristics of the %s: %w", service, err)
	}
	in, out := find(all, inUUID), find(all, outUUID)
	if in == nil || out == nil {
		return nil, fmt.Errorf("gatt: the %s lacks Data In (0x%04x) or Data Out (0x%04x): %w", service, inUUID, outUUID, ErrService)
	}
	if _, err := g.DiscoverDescriptors(nil, out); err != nil {
		return nil, fmt.Errorf("gatt: looking for the descriptors of Data Out: %w", err)
	}
	if out.CCCD == nil {
		return nil, fmt.Errorf("gatt: Data Out of the %s has no client characteristic configuration: %w", service, ErrService)
	}
	// The guard delivers the notifications, because go-ble drops what arrives
	// while 16 of them wait.
	c.subscribe(out.ValueHandle)
	if err := g.Subscribe(out, false, func([]byte) {}); err != nil {
		return nil, fmt.Errorf("gatt: subscribing to Data Out: %w", err)
	}
	return &client{gatt: g, conn: c, in: in}, nil
}

func find(all []*ble.Characteristic, uuid uint16) *ble.Characteristic {
	for _, c := range all {
		if c.UUID.Equal(ble.UUID16(uuid)) {
			return c
		}
	}
	return nil
}

// send writes a PDU to Data In. It waits for room.
func (c *client) send(pdu []byte) error {
	if err := c.gatt.WriteCharacteristic(c.in, pdu, true); err != nil {
		return fmt.Errorf("gatt: %w", err)
	}
	return nil
}
