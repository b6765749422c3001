package bluez

import (
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/godbus/dbus/v5"
)

// Provisioning is how a device authenticates itself or, of a provisioner,
// others: the answers of ProvisionAgent1.
type Provisioning struct {
	// Capabilities are the daemon's words: "blink", "beep", "vibrate",
	// "out-numeric", "out-alpha", "push", "twist", "in-numeric", "in-alpha",
	// "static-oob", "public-oob".
	Capabilities []string
	// Information is where out-of-band data is: "on-box", "number", ...
	Information []string
	Static      [16]byte // the static OOB value
	PrivateKey  []byte   // of a device with "public-oob": 32 octets
	// PublicKey gives that of the device that is provisioned: 64 octets. The
	// daemon asks for it and goes on with the answer before it is heard with what
	// it has sent last, which is lost when the answer comes at once.
	PublicKey func() []byte
	// Numeric and Alpha give what is to be typed in, for an action such as
	// "in-numeric".
	Numeric func(action string) uint32
	Alpha   func() string
}

func (p Provisioning) properties() map[string]dbus.Variant {
	of := map[string]dbus.Variant{"Capabilities": dbus.MakeVariant(append([]string{}, p.Capabilities...))}
	if len(p.Information) > 0 {
		of["OutOfBandInfo"] = dbus.MakeVariant(p.Information)
	}
	return of
}

// Display is what the daemon wants the user to be shown.
type Display struct {
	Action string // "blink", "out-numeric", ...; empty for a text
	Number uint32
	Text   string
}

// agent is ProvisionAgent1.
type agent struct{ *Application }

func (a agent) PrivateKey() ([]byte, *dbus.Error) { return a.device.Provisioning.PrivateKey, nil }
func (a agent) Cancel() *dbus.Error               { return nil }

func (a agent) PublicKey() ([]byte, *dbus.Error) {
	if a.device.Provisioning.PublicKey == nil {
		return nil, dbus.MakeFailedError(errors.New("nobody knows the public key"))
	}
	return a.device.Provisioning.PublicKey(), nil
}

func (a agent) DisplayString(text string) *dbus.Error {
	a.update(func() { a.displays = append(a.displays, Display{Text: text}) })
	return nil
}

func (a agent) DisplayNumeric(action string, number uint32) *dbus.Error {
	a.update(func() { a.displays = append(a.displays, Display{Action: action, Number: number}) })
	return nil
}

func (a agent) PromptNumeric(action string) (uint32, *dbus.Error) {
	if a.device.Provisioning.Numeric == nil {
		return 0, dbus.MakeFailedError(errors.New("nobody types in a number"))
	}
	return a.device.Provisioning.Numeric(action), nil
}

func (a agent) PromptStatic(action string) ([]byte, *dbus.Error) {
	if action != "in-alpha" && action != "out-alpha" {
		return a.device.Provisioning.Static[:], nil
	}
	if a.device.Provisioning.Alpha == nil {
		return nil, dbus.MakeFailedError(errors.New("nobody types in a text"))
	}
	var value [16]byte
	copy(value[:], a.device.Provisioning.Alpha())
	return value[:], nil
}

// Displayed waits until the daemon has shown something after the first so many.
func (a *Application) Displayed(after int) Display {
	a.t.Helper()
	var found Display
	err := a.await("something to be displayed", func() bool {
		if len(a.displays) > after {
			found = a.displays[after]
		}
		return len(a.displays) > after
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return found
}

// Provisioner is what makes an application a provisioner (Provisioner1).
type Provisioner struct {
	// Assign gives a new device with so many elements its NetKey and address.
	Assign func(elements int) (mesh.KeyIndex, mesh.Address)
}

// ScanResult is an unprovisioned device that was heard.
type ScanResult struct {
	UUID mesh.UUID
	OOB  uint16 // information, if the beacon had it
	RSSI int16
}

// addition is the end of AddNode.
type addition struct {
	uuid     mesh.UUID
	address  mesh.Address
	elements int
	reason   string // why it failed
}

// provisioner is Provisioner1.
type provisioner struct{ *Application }

func (p provisioner) ScanResult(rssi int16, data []byte, _ map[string]dbus.Variant) *dbus.Error {
	const uuidLength = 16
	if len(data) < uuidLength {
		return dbus.MakeFailedError(fmt.Errorf("expected at least %d octets, got % x", uuidLength, data))
	}
	r := ScanResult{UUID: mesh.UUID(data[:uuidLength]), RSSI: rssi}
	if len(data) >= uuidLength+2 {
		r.OOB = uint16(data[uuidLength])<<8 | uint16(data[uuidLength+1])
	}
	p.update(func() { p.scans = append(p.scans, r) })
	return nil
}

func (p provisioner) RequestProvData(elements uint8) (uint16, uint16, *dbus.Error) {
	key, address := p.device.Provisioner.Assign(int(elements))
	return uint16(key), uint16(address), nil
}

func (p provisioner) AddNodeComplete(uuid []byte, address uint16, elements uint8) *dbus.Error {
	return p.add(uuid, addition{address: mesh.Address(address), elements: int(elements)})
}

func (p provisioner) AddNodeFailed(uuid []byte, reason string) *dbus.Error {
	return p.add(uuid, addition{reason: reason})
}

func (p provisioner) add(uuid []byte, end addition) *dbus.Error {
	copy(end.uuid[:], uuid)
	p.update(func() { p.added = append(p.added, end) })
	return nil
}

// Found waits until a scan has heard a device.
func (a *Application) Found(uuid mesh.UUID) ScanResult {
	a.t.Helper()
	var found ScanResult
	err := a.await("the beacon of "+uuid.String(), func() bool {
		for _, found = range a.scans {
			if found.UUID == uuid {
				return true
			}
		}
		return false
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return found
}
