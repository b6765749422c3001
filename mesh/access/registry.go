package access

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Message is an access message: a struct that visits its fields in the order on
// the air. Fields changes the message only if the Codec is reading.
type Message interface {
	Opcode() mesh.Opcode
	Fields(c *Codec)
}

// ErrUnknown is returned for an opcode or a name without a message.
var ErrUnknown = errors.New("access: unknown message")

// Kind is an entry of a table of messages.
type Kind struct {
	Opcode mesh.Opcode
	Name   string // name in the specification, such as "Generic OnOff Set"
	New    func() Message
}

// Describe returns the table entry of the message type T.
func Describe[T any, M interface {
	*T
	Message
}](name string) Kind {
	return Kind{
		Opcode: M(new(T)).Opcode(),
		Name:   name,
		New:    func() Message { return M(new(T)) },
	}
}

// Registry finds messages by opcode and by name. It does not change once built,
// so any number of goroutines may use it.
type Registry struct {
	kinds    []Kind
	byOpcode map[mesh.Opcode]int
	byName   map[string]int
}

// NewRegistry builds a registry from tables such as generic.Messages(). Two
// messages with the same opcode or name are an error.
func NewRegistry(tables ...[]Kind) (*Registry, error) {
	r := &Registry{byOpcode: map[mesh.Opcode]int{}, byName: map[string]int{}}
	for _, table := range tables {
		for _, k := range table {
			if i, taken := r.byOpcode[k.Opcode]; taken {
				return nil, fmt.Errorf("access: opcode %s has the messages %q and %q, expected one message", k.Opcode, r.kinds[i].Name, k.Name)
			}
			if i, taken := r.byName[fold(k.Name)]; taken {
				return nil, fmt.Errorf("access: name %q has the opcodes %s and %s, expected one message", k.Name, r.kinds[i].Opcode, k.Opcode)
			}
			r.byOpcode[k.Opcode] = len(r.kinds)
			r.byName[fold(k.Name)] = len(r.kinds)
			r.kinds = append(r.kinds, k)
		}
	}
	return r, nil
}

// All lists the messages in the order of their tables.
func (r *Registry) All() iter.Seq[Kind] {
	return func(yield func(Kind) bool) {
		for _, k := range r.kinds {
			if !yield(k) {
				return
			}
		}
	}
}

// ByOpcode finds a message by its opcode.
func (r *Registry) ByOpcode(op mesh.Opcode) (Kind, bool) {
	i, ok := r.byOpcode[op]
	if !ok {
		return Kind{}, false
	}
	return r.kinds[i], true
}

// ByName finds a message by its name in the specification. Case does not
// matter, and underscores may replace spaces.
func (r *Registry) ByName(name string) (Kind, bool) {
	i, ok := r.byName[fold(name)]
	if !ok {
		return Kind{}, false
	}
	return r.kinds[i], true
}

// Decode reads an access payload into a new message. Errors wrap ErrOpcode,
// ErrUnknown, or those of Codec.Decode.
func (r *Registry) Decode(payload []byte) (Message, error) {
	op, params, err := ParseOpcode(payload)
	if err != nil {
		return nil, err
	}
	return r.DecodeParams(op, params)
}

// DecodeParams is Decode for a payload whose opcode has already been split off.
func (r *Registry) DecodeParams(op mesh.Opcode, params []byte) (Message, error) {
	k, ok := r.ByOpcode(op)
	if !ok {
		return nil, fmt.Errorf("%w: opcode %s", ErrUnknown, op)
	}
	m := k.New()
	if err := Decode(params, m); err != nil {
		return nil, fmt.Errorf("%s: %w", k.Name, err)
	}
	return m, nil
}

// FromJSON builds the named message from the fields in data. Errors wrap
// ErrUnknown, or those of Codec.FromJSON.
func (r *Registry) FromJSON(name string, data []byte) (Message, error) {
	k, ok := r.ByName(name)
	if !ok {
		if len(name) > 60 {
			name = name[:60]
		}
		return nil, fmt.Errorf("%w: %q; expected a name like %q", ErrUnknown, name, "Generic OnOff Set")
	}
	m := k.New()
	if err := FromJSON(data, m); err != nil {
		return nil, fmt.Errorf("%s: %w", k.Name, err)
	}
	return m, nil
}

// Name returns the name of a message, or its opcode in hexadecimal if it is not
// registered.
func (r *Registry) Name(op mesh.Opcode) string {
	if k, ok := r.ByOpcode(op); ok {
		return k.Name
	}
	return op.String()
}

func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", " ")) }

// Empty is embedded by messages without parameters.
type Empty struct{}

// Fields visits nothing.
func (*Empty) Fields(*Codec) {}
