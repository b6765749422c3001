package translate

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Message is an access message that is ready to be sent.
type Message struct {
	Element int    // index of the element to send to
	Payload []byte // opcode and parameters
	Respond mesh.Opcode
	// Accept tells whether a status with the opcode Respond is the answer; nil
	// takes any. It is called in the order of arrival.
	Accept func(params []byte) bool
}

// Sending is steps on their way to the device. It belongs to the goroutine of
// the Device.
type Sending struct {
	Messages []Message // in the order to send them
	device   *Device
	steps    []Step
}

// Send prepares steps for sending: each gets the next transaction identifier,
// and what the functions expect is recorded. Call it when the messages are
// about to be sent, and End when that is over. An error is a message that
// cannot be encoded; nothing is recorded then.
func (d *Device) Send(steps []Step) (*Sending, error) {
	s := &Sending{device: d, steps: steps, Messages: make([]Message, 0, len(steps))}
	for _, step := range steps {
		if step.Transaction != nil {
			d.tid++
			*step.Transaction = d.tid
		}
		payload, err := access.Append(nil, step.Message)
		if err != nil {
			return nil, fmt.Errorf("translate: %T: %w", step.Message, err)
		}
		m := Message{Element: step.Element, Payload: payload, Respond: step.Respond}
		if step.Confirms != nil {
			m.Accept = (&answer{confirms: step.Confirms}).accept
		}
		s.Messages = append(s.Messages, m)
	}
	for _, step := range steps {
		if step.Expect != nil {
			step.Expect.Sent()
		}
	}
	return s, nil
}

// End says that no more answers are to come, and whether every message was
// answered. It reports whether the state of the device has changed: what was
// not expected any more because of a message without an answer may count again.
func (s *Sending) End(answered bool) bool {
	if answered {
		return false
	}
	for _, step := range s.steps {
		if step.Expect != nil {
			step.Expect.Failed(&s.device.state)
		}
	}
	return len(s.device.state.takeChanges()) > 0
}
