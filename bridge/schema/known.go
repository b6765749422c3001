package schema

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Device names a device in a request: by its friendly name, its UUID, or the
// address of one of its elements.
type Device string

// formatDevice is the format of a Device in a schema, so that a form can offer
// the devices that there are.
const formatDevice = "btmesh-device"

// knownTypes are the types whose JSON does not follow from their Go kind.
func knownTypes() map[reflect.Type]*jsonschema.Schema {
	text := func(expect, pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern, Extra: map[string]any{keyExpect: expect}}
	}
	index := func() *jsonschema.Schema {
		least, most := 0.0, float64(mesh.MaxKeyIndex)
		return &jsonschema.Schema{Type: "integer", Minimum: &least, Maximum: &most}
	}
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Device](): {Type: "string", Format: formatDevice, Extra: map[string]any{keyExpect: "the name, UUID or address of a device"}},
		// A UUID may have dashes when others write it.
		reflect.TypeFor[mesh.UUID]():     text("32 hexadecimal digits", `^-*([0-9a-fA-F]-*){32}$`),
		reflect.TypeFor[mesh.Address]():  text("an address such as 0x0100", `^0[xX][0-9a-fA-F]{1,4}$`),
		reflect.TypeFor[mesh.Opcode]():   text("the octets of an opcode as two, four or six hexadecimal digits", `^([0-9a-fA-F]{2}){1,3}$`),
		reflect.TypeFor[mesh.ModelID]():  text("a model as four hexadecimal digits, or company:model", `^([0-9a-fA-F]{1,4}:)?[0-9a-fA-F]{1,4}$`),
		reflect.TypeFor[mesh.KeyIndex](): index(),
		reflect.TypeFor[time.Time]():     {Type: "string", Format: "date-time"},
		// Any JSON; the tag types says which.
		reflect.TypeFor[json.RawMessage](): {},
	}
}
