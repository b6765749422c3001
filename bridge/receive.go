package bridge

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// received handles an access message of a node.
func (s *Service) received(in node.MessageReceived) {
	u, known := s.unit[in.Src]
	s.debugReceived(u, in)
	if !known {
		return
	}
	u.heard(time.Now())
	s.heardNode(u.managed)
	s.setOnline(u.managed, true)
	if in.DeviceKey || u.translator == nil {
		return // configuration: whoever asked for it got it
	}
	if s.updateMessage(u.managed, in) {
		return
	}
	update := u.translator.Receive(translate.Input{
		Time:    time.Now(),
		Element: u.element,
		Dst:     in.Dst,
		Opcode:  in.Opcode,
		Params:  in.Params,
	})
	if !update.Known {
		s.publishRaw(u, in)
		return
	}
	if len(update.Changed) > 0 {
		s.dirty[u.record.UUID] = true
		s.publishState(u.managed)
	}
	for _, e := range update.Events {
		s.publishEvent(u.managed, e)
	}
}

func (m *managed) heard(now time.Time) {
	m.lastSeen = now
	m.failures = 0
}

// publishRaw passes on a message that nobody here understands. One that carries
// a key is nobody else's business, whoever sent it here.
func (s *Service) publishRaw(u unit, in node.MessageReceived) {
	if carriesKey(in.Opcode) {
		return
	}
	data, err := json.Marshal(struct {
		Source  string `json:"source"`
		Element int    `json:"element"`
		Opcode  string `json:"opcode"`
		Hex     string `json:"hex"`
	}{in.Src.String(), u.element, in.Opcode.String(), hex.EncodeToString(in.Params)})
	if err != nil {
		return // strings and a number can always be written
	}
	const once = 0
	s.publisher.Event(s.cfg.Topics.Message(u.record.Name), data, once)
}

func (s *Service) publishEvent(m *managed, e translate.Event) {
	document := map[string]any{}
	for k, v := range e.Attributes {
		document[k] = v
	}
	document["event_type"] = e.Type
	if m.record.Elements() > 1 {
		document["element"] = e.Element
	}
	data, err := json.Marshal(document)
	if err != nil {
		s.complainOf(m.record.Name, "an event of %s could not be written: %v", m.record.Name, err)
		return
	}
	const atLeastOnce = 1
	s.publisher.Event(s.cfg.Topics.Event(m.record.Name), data, atLeastOnce)
}
