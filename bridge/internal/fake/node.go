package fake

import (
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Node is a device that answers. Set the fields before use; state that changes
// later has methods.
type Node struct {
	UUID        mesh.UUID
	Composition *configuration.Composition
	// Claims is how many elements it says that it has when it is provisioned, if it
	// lists fewer in its composition. AnswersAll says that it acknowledges messages to
	// all of them.
	Claims     int
	AnswersAll bool
	// Answer can answer instead of the node. If it is nil or returns taken
	// false, the node answers itself. Calls do not overlap.
	Answer func(m Message) (answer access.Message, taken bool)

	// turn is held during a request. It is not a mutex, because goroutines that
	// wait for a mutex are not durably blocked in a testing/synctest bubble.
	turn chan struct{}

	mu          sync.Mutex
	address     mesh.Address
	silent      bool
	slow        time.Duration
	on          bool
	lightness   uint16
	temperature uint16
	received    []Message
	netKey      mesh.KeyIndex // of the provisioning
	keys        configuration.Keys
}

// ToGroup is the Element of a group message.
const ToGroup = -1

// Message is a message that a node received.
type Message struct {
	Element int // ToGroup for a group message
	Opcode  mesh.Opcode
	Params  []byte
}

// Composed makes a node of elements with these models; the first element also
// has a Configuration Server.
func Composed(uuid mesh.UUID, elements ...[]mesh.ModelID) *Node {
	c := &configuration.Composition{CompanyID: 0x05F1, ProductID: 0x0011, VersionID: 0x0022, Features: configuration.FeatureRelay}
	for i, models := range elements {
		if i == 0 {
			models = append([]mesh.ModelID{foundation.ConfigurationServerID}, models...)
		}
		c.Elements = append(c.Elements, configuration.CompositionElement{Models: models})
	}
	return &Node{UUID: uuid, Composition: c, turn: make(chan struct{}, 1), temperature: 4000}
}

// Plug makes a switch.
func Plug(uuid mesh.UUID) *Node {
	return Composed(uuid, []mesh.ModelID{generic.OnOffServerID})
}

// Lamp makes a light with two elements, lightness and colour temperature.
func Lamp(uuid mesh.UUID) *Node {
	return Composed(uuid,
		[]mesh.ModelID{generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.CTLServerID},
		[]mesh.ModelID{generic.LevelServerID, light.CTLTemperatureServerID})
}

// Thermometer makes a sensor with a battery.
func Thermometer(uuid mesh.UUID) *Node {
	return Composed(uuid, []mesh.ModelID{sensor.ServerID, generic.BatteryServerID})
}

// Button makes a node with client models and no state.
func Button(uuid mesh.UUID) *Node {
	return Composed(uuid, []mesh.ModelID{generic.OnOffClientID, generic.LevelClientID})
}

// SetSilent makes the node stop answering, or answer again.
func (d *Node) SetSilent(silent bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = silent
}

// SetLatency delays the answers of the node.
func (d *Node) SetLatency(latency time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = latency
}

func (d *Node) latency() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(Latency, d.slow)
}

// Silent reports whether the node does not answer.
func (d *Node) Silent() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.silent
}

// Address returns the node's primary address in the network.
func (d *Node) Address() mesh.Address {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.address
}

// State returns the state of the node's models.
func (d *Node) State() (on bool, lightness, temperature uint16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.on, d.lightness, d.temperature
}

// Received lists the received messages with one of the opcodes, or all messages
// without opcodes.
func (d *Node) Received(opcodes ...mesh.Opcode) []Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []Message
	for _, m := range d.received {
		if len(opcodes) == 0 || slices.Contains(opcodes, m.Opcode) {
			list = append(list, m)
		}
	}
	return list
}

func (d *Node) peer(key crypto.Key) state.Peer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return state.Peer{UUID: d.UUID, Address: d.address, Elements: d.elements(), NetKey: d.netKey, DeviceKey: key}
}

// elements is how many the node has addresses for.
func (d *Node) elements() int { return max(d.Claims, len(d.Composition.Elements)) }

// receive returns the answer of the node, nil for none.
func (d *Node) receive(dst mesh.Address, op mesh.Opcode, params []byte) (answer access.Message, silent bool) {
	d.mu.Lock()
	m := Message{Element: int(dst - d.address), Opcode: op, Params: slices.Clone(params)}
	d.received = append(d.received, m)
	silent = d.silent
	d.mu.Unlock()
	if silent {
		return nil, true
	}
	if op == opcodesaggregator.OpSequence && slices.Contains(d.Composition.Elements[0].Models, foundation.OpcodesAggregatorServerID) {
		return d.sequence(dst, m)
	}
	if d.Answer != nil {
		if answer, taken := d.Answer(m); taken {
			return answer, false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answer(m), false
}

// answer is what the node answers by itself. mu is held.
func (d *Node) answer(m Message) access.Message {
	if answer := d.configuration(m); answer != nil {
		return answer
	}
	if answer := d.answerKeys(m); answer != nil {
		return answer
	}
	return d.application(m)
}

// sequence answers an Opcodes Aggregator Sequence: each item as if it had come alone.
func (d *Node) sequence(dst mesh.Address, m Message) (answer access.Message, silent bool) {
	if d.Answer != nil {
		if answer, taken := d.Answer(m); taken {
			return answer, false
		}
	}
	in := Decode[opcodesaggregator.Sequence](m)
	status := &opcodesaggregator.Status{ElementAddress: in.ElementAddress}
	for _, item := range in.Items {
		var octets []byte
		if op, params, err := access.ParseOpcode(item); err == nil {
			if answer, _ := d.receive(dst, op, params); answer != nil {
				octets, _ = access.Append(nil, answer) // empty if it cannot be encoded
			}
		}
		status.Items = append(status.Items, octets)
	}
	return status, false
}

// Decode decodes the parameters of a message; it returns the zero value if that
// fails.
func Decode[T any, M interface {
	*T
	access.Message
}](m Message) M {
	decoded := M(new(T))
	if access.Decode(m.Params, decoded) != nil {
		return M(new(T))
	}
	return decoded
}

func (d *Node) configuration(m Message) access.Message {
	switch m.Opcode {
	case configuration.OpCompositionDataGet:
		data, err := d.Composition.Append(nil)
		if err != nil {
			return nil
		}
		return &configuration.CompositionDataStatus{Data: data}
	case configuration.OpModelAppBind:
		in := Decode[configuration.ModelAppBind](m)
		return &configuration.ModelAppStatus{
			ElementAddress: in.ElementAddress, AppKeyIndex: in.AppKeyIndex, ModelIdentifier: in.ModelIdentifier,
		}
	case configuration.OpModelPublicationSet:
		in := Decode[configuration.ModelPublicationSet](m)
		return &configuration.ModelPublicationStatus{
			ElementAddress: in.ElementAddress, PublishAddress: in.PublishAddress,
			PublishParameters: in.PublishParameters, ModelIdentifier: in.ModelIdentifier,
		}
	case configuration.OpHeartbeatPublicationSet:
		in := Decode[configuration.HeartbeatPublicationSet](m)
		return &configuration.HeartbeatPublicationStatus{
			Destination: in.Destination, CountLog: in.CountLog, PeriodLog: in.PeriodLog,
			TTL: in.TTL, Features: in.Features, NetKeyIndex: in.NetKeyIndex,
		}
	case configuration.OpDefaultTTLGet:
		return &configuration.DefaultTTLStatus{TTL: 5}
	case configuration.OpNodeReset:
		return &configuration.NodeResetStatus{}
	}
	return nil
}

func (d *Node) application(m Message) access.Message {
	switch m.Opcode {
	case generic.OpOnOffSet:
		d.on = Decode[generic.OnOffSet](m).OnOff
		if d.on && d.lightness == 0 {
			d.lightness = 0xFFFF
		}
		fallthrough
	case generic.OpOnOffGet:
		return &generic.OnOffStatus{PresentOnOff: d.on}
	case light.OpLightnessSet:
		d.lightness = Decode[light.LightnessSet](m).Lightness
		d.on = d.lightness > 0
		fallthrough
	case light.OpLightnessGet:
		return &light.LightnessStatus{PresentLightness: d.shines()}
	case light.OpCTLSet:
		in := Decode[light.CTLSet](m)
		d.lightness, d.temperature = in.CTLLightness, in.CTLTemperature
		d.on = d.lightness > 0
		fallthrough
	case light.OpCTLGet:
		return &light.CTLStatus{PresentCTLLightness: d.shines(), PresentCTLTemperature: d.temperature}
	case light.OpCTLTemperatureSet:
		d.temperature = Decode[light.CTLTemperatureSet](m).CTLTemperature
		return &light.CTLTemperatureStatus{PresentCTLTemperature: d.temperature}
	case light.OpLightnessRangeGet:
		return &light.LightnessRangeStatus{RangeMin: 1, RangeMax: 0xFFFF}
	case light.OpCTLTemperatureRangeGet:
		return &light.CTLTemperatureRangeStatus{RangeMin: 2700, RangeMax: 6500}
	case sensor.OpDescriptorGet:
		return &sensor.DescriptorStatus{Descriptors: []sensor.Descriptor{{PropertyID: temperature}}}
	case sensor.OpGet:
		return &sensor.Status{SensorData: []sensor.Data{{PropertyID: temperature, RawValue: []byte{42}}}}
	case generic.OpBatteryGet:
		return &generic.BatteryStatus{BatteryLevel: 80}
	}
	return nil
}

// temperature encodes Present Ambient Temperature in steps of 0.5 degrees.
const temperature property.ID = 0x004F

func (d *Node) shines() uint16 {
	if !d.on {
		return 0
	}
	return d.lightness
}
