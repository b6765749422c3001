package vectors

import (
	_ "embed" // models.json
	"testing"
)

//go:embed models.json
var modelsFile []byte

// ModelEntry is an entry of models.json: an access message, or, without an
// opcode, the encoding of a field or of a property value.
type ModelEntry struct {
	Entry
	Model   string `json:"model"`
	Message string `json:"message"`
	Opcode  Hex    `json:"opcode"`
	// Parameters is the message without its opcode; AccessPayload includes the
	// opcode.
	Parameters    Hex     `json:"parameters"`
	AccessPayload Hex     `json:"access_payload"`
	Fields        []Field `json:"fields"`
}

// Payload returns the access payload: opcode and parameters.
func (e *ModelEntry) Payload() []byte { return append(append([]byte{}, e.Opcode...), e.Parameters...) }

// Field returns the value of a field, nil if the entry has no such field.
func (e *ModelEntry) Field(name string) any {
	for _, f := range e.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// Models loads models.json.
func Models(t testing.TB) []ModelEntry { return load[ModelEntry](t, "models.json", modelsFile) }
