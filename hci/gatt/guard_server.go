package gatt

import "encoding/binary"

// primaryService is the attribute type that a read by group type may ask for.
const primaryService = 0x2800

// request judges a PDU that a server receives. The guard answers itself what
// go-ble's server would answer wrongly or fail on: requests of the wrong
// length, long reads and writes, which no value here needs, and a second MTU
// exchange.
func (g *guard) request(p []byte) (verdict, []byte) {
	op, n := p[0], len(p)
	switch op {
	case opMTURequest:
		switch {
		case n != 3 || binary.LittleEndian.Uint16(p[1:]) < minMTU:
			return answer, refusal(op, 0, errInvalidPDU)
		case g.exchanged:
			return answer, refusal(op, 0, errNotSupported)
		}
		g.exchanged = true
		mtu := min(int(binary.LittleEndian.Uint16(p[1:])), g.mtu)
		binary.LittleEndian.PutUint16(p[1:], uint16(mtu))
		return pass, nil
	case opFindInformation:
		return passIf(op, n == 5)
	case opFindByTypeValue:
		return passIf(op, n >= 7)
	case opReadByType:
		return passIf(op, n == 7 || n == 21)
	case opReadByGroup:
		if n == 7 && binary.LittleEndian.Uint16(p[5:]) != primaryService || n == 21 {
			return answer, refusal(op, binary.LittleEndian.Uint16(p[1:]), errUnsupportedGroup)
		}
		return passIf(op, n == 7)
	case opRead:
		return passIf(op, n == 3)
	case opReadBlob:
		if n != 5 {
			return answer, refusal(op, 0, errInvalidPDU)
		}
		return answer, refusal(op, binary.LittleEndian.Uint16(p[1:]), errNotLong)
	case opWrite, opWriteCommand:
		return g.write(p)
	}
	if op&1 == 1 || op&commandFlag != 0 || op >= opNotification && op != opReadVariable {
		return drop, nil // responses, commands, confirmations
	}
	return answer, refusal(op, 0, errNotSupported)
}

func passIf(op byte, fits bool) (verdict, []byte) {
	if !fits {
		return answer, refusal(op, 0, errInvalidPDU)
	}
	return pass, nil
}

// write judges a write with or without a response. The configuration of a
// characteristic has two octets. Data In is offered for writes without a
// response, and everybody may write it (table 7.15). A client that wants a
// response gets one.
func (g *guard) write(p []byte) (verdict, []byte) {
	refuse := func(handle uint16, code byte) (verdict, []byte) {
		if p[0] == opWriteCommand {
			return drop, nil
		}
		return answer, refusal(p[0], handle, code)
	}
	if len(p) < 3 {
		return refuse(0, errInvalidPDU)
	}
	handle, value := binary.LittleEndian.Uint16(p[1:]), p[3:]
	if handle == g.configuration {
		if len(value) != 2 {
			return refuse(handle, errValueLength)
		}
		g.subscribed = value[0]&1 == 1
	} else if len(value) == 0 {
		return refuse(handle, errValueLength)
	}
	return pass, nil
}
