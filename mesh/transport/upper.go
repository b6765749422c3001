package transport

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// openAccess decrypts an upper transport access PDU and reports the message.
// first is the octet with AKF and AID.
func (l *Layer) openAccess(a *arrival, first byte, szmic bool, upper []byte, out *Output) {
	m := AccessMessage{
		Src: a.Src, Dst: a.Dst, NetKey: a.NetKey, TTL: a.TTL,
		IVIndex: a.auth.iv(), Seq: a.auth.seq(), Segmented: a.segmented,
	}
	var candidates int
	var ok bool
	if first&akfBit != 0 {
		candidates, ok = l.openApplication(&m, first&aidMask, szmic, upper)
	} else if first&aidMask == 0 && a.Dst.IsUnicast() {
		candidates, ok = l.openDevice(&m, szmic, upper)
	}
	switch {
	case candidates == 0:
		l.counters.NoKey++
	case !ok:
		l.counters.BadMIC++
	case l.accept(a, out):
		l.counters.Access++
		out.Access = append(out.Access, m)
	}
}

// openApplication tries every AppKey with the AID, and every label whose hash
// is the destination.
func (l *Layer) openApplication(m *AccessMessage, aid uint8, szmic bool, upper []byte) (candidates int, ok bool) {
	virtual := m.Dst.IsVirtual()
	if virtual {
		l.labels = l.keys.AppendLabels(l.labels[:0], m.Dst)
		if len(l.labels) == 0 {
			return 0, false
		}
	}
	nonce := crypto.ApplicationNonce(szmic, m.Seq, m.Src, m.Dst, m.IVIndex)
	l.appKeys = l.keys.AppendAppKeys(l.appKeys[:0], m.NetKey, aid)
	for _, k := range l.appKeys {
		m.Key.App = k.Index
		if !virtual {
			if m.Payload, ok = k.Cipher.Open(l.payload[:0], &nonce, upper, nil, micSize(szmic)); ok {
				return 1, true
			}
			continue
		}
		for i := range l.labels {
			if m.Payload, ok = k.Cipher.Open(l.payload[:0], &nonce, upper, l.labels[i][:], micSize(szmic)); ok {
				m.Label = l.labels[i]
				return 1, true
			}
		}
	}
	return len(l.appKeys), false
}

// openDevice tries the possible device keys.
func (l *Layer) openDevice(m *AccessMessage, szmic bool, upper []byte) (candidates int, ok bool) {
	nonce := crypto.DeviceNonce(szmic, m.Seq, m.Src, m.Dst, m.IVIndex)
	l.deviceKeys = l.keys.AppendDeviceKeys(l.deviceKeys[:0], m.Src, m.Dst)
	for _, k := range l.deviceKeys {
		if m.Payload, ok = k.Cipher.Open(l.payload[:0], &nonce, upper, nil, micSize(szmic)); ok {
			m.Key.Device = k.Owner
			return 1, true
		}
	}
	return len(l.deviceKeys), false
}

// sealer is the key of an outgoing access message.
type sealer struct {
	first  byte // AKF and AID
	cipher *crypto.CCM
}

// sealer returns the key to send with.
func (l *Layer) sealer(k Key) (sealer, error) {
	if k.IsDevice() {
		if d, ok := l.keys.DeviceKey(k.Device); ok {
			return sealer{cipher: d.Cipher}, nil
		}
		return sealer{}, fmt.Errorf("%w: the device key of %s is not known", ErrNoKey, k.Device)
	}
	if a, ok := l.keys.AppKey(k.App); ok {
		return sealer{first: akfBit | a.AID&aidMask, cipher: a.Cipher}, nil
	}
	return sealer{}, fmt.Errorf("%w: AppKey %03x does not exist", ErrNoKey, uint16(k.App))
}

// seal appends the upper transport access PDU of a message.
func (s sealer) seal(dst []byte, device bool, auth seqAuth, src, to mesh.Address, label *mesh.UUID, payload []byte, long bool) []byte {
	nonce := crypto.ApplicationNonce(long, auth.seq(), src, to, auth.iv())
	if device {
		nonce = crypto.DeviceNonce(long, auth.seq(), src, to, auth.iv())
	}
	var aad []byte
	if to.IsVirtual() {
		aad = label[:]
	}
	return s.cipher.Seal(dst, &nonce, payload, aad, micSize(long))
}
