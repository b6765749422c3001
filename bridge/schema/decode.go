package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// ValueError is a value that has the right type and is not allowed. Other errors
// of Decode say that the payload is not the JSON that it should be.
type ValueError struct{ text string }

func (e *ValueError) Error() string { return e.text }

func invalid(format string, args ...any) error { return &ValueError{fmt.Sprintf(format, args...)} }

// Decode reads a payload into v, a pointer to a value of the described type. An
// empty payload is an empty object. Fields that are left out have their
// defaults. A field that the type does not have is an error, except for the
// names in ignore, which are for somebody else.
//
// The errors name the field, what was expected and what arrived, without the
// names of Go types; those about values are of type [*ValueError].
func (t *Type) Decode(payload []byte, v any, ignore ...string) error {
	if len(bytes.TrimSpace(payload)) == 0 {
		payload = []byte("{}")
	}
	whole := payload
	payload = without(payload, ignore)
	if defaults := defaultsOf(t.schema); defaults != nil {
		if err := json.Unmarshal(defaults, v); err != nil {
			return fmt.Errorf("schema: a default of %s: %w", t.of, err)
		}
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if known := t.expectation(err, whole, ignore); known != "" {
			return fmt.Errorf("%w%s", t.explain(err), known)
		}
		return t.explain(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the payload cannot be read: expected one JSON object, got more behind it")
	}
	d = json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var raw any
	if err := d.Decode(&raw); err != nil {
		return t.explain(err)
	}
	if raw == nil {
		return errors.New("the payload cannot be read: expected a JSON object, got null")
	}
	return check("", t.schema, raw)
}

// without takes fields out of an object; what is no object stays as it is.
func without(payload []byte, names []string) []byte {
	var fields map[string]json.RawMessage
	if len(names) == 0 || json.Unmarshal(payload, &fields) != nil {
		return payload
	}
	n := len(fields)
	for _, name := range names {
		for key := range fields {
			if strings.EqualFold(key, name) {
				delete(fields, key)
			}
		}
	}
	if len(fields) == n {
		return payload
	}
	rest, err := json.Marshal(fields)
	if err != nil {
		return payload // never: it was JSON before
	}
	return rest
}

// defaultsOf is an object of all defaults; nil when there are none.
func defaultsOf(s *jsonschema.Schema) json.RawMessage {
	if s.Default != nil {
		return s.Default
	}
	var all map[string]json.RawMessage
	for name, property := range s.Properties {
		if value := defaultsOf(property); value != nil {
			if all == nil {
				all = map[string]json.RawMessage{}
			}
			all[name] = value
		}
	}
	if all == nil {
		return nil
	}
	data, err := json.Marshal(all)
	if err != nil {
		return nil // never: each was checked when the tags were read
	}
	return data
}

// expectation lists the fields that may be in the payload, for an error about one
// that may not. It is empty for any other error, and for a field of an object inside
// the payload.
func (t *Type) expectation(err error, payload []byte, ignore []string) string {
	quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field ")
	if !ok {
		return ""
	}
	known := append(slices.Sorted(maps.Keys(t.schema.Properties)), ignore...)
	same := func(k string) bool { return strings.EqualFold(strconv.Quote(k), quoted) }
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil || len(known) == 0 || slices.ContainsFunc(known, same) ||
		!slices.ContainsFunc(slices.Collect(maps.Keys(fields)), same) {
		return ""
	}
	return "; expected " + strings.Join(known, ", ")
}

// explain says what is wrong with a payload without the names of Go types.
func (t *Type) explain(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		if s := at(t.schema, kind.Field); s != nil && s.Extra[keyExpect] != nil && !plain(kind.Type) {
			return fmt.Errorf("%s: expected %s, got %s", kind.Field, s.Extra[keyExpect], kind.Value)
		}
	}
	return Explain(err)
}

// Explain says what is wrong with a payload, given the error of encoding/json,
// without the names of Go types.
func Explain(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("the payload cannot be read: expected a JSON object, got %s", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: expected %s, got %s", kind.Field, words(kind.Type), kind.Value)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the payload cannot be read: it ends too early")
	}
	return fmt.Errorf("the payload cannot be read: %s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), "json: "), "mesh: "))
}

// plain reports whether words can describe a type.
func plain(t reflect.Type) bool { return words(t) != otherValue }

const otherValue = "another value"

func words(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint8:
		return fmt.Sprintf("a whole number from 0 to %d", math.MaxUint8)
	case reflect.Uint16:
		return fmt.Sprintf("a whole number from 0 to %d", math.MaxUint16)
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	default:
		return otherValue
	}
}

// at finds the schema of a field by its path, such as oob.method.
func at(s *jsonschema.Schema, path string) *jsonschema.Schema {
	for name := range strings.SplitSeq(path, ".") {
		for s != nil && s.Items != nil {
			s = s.Items
		}
		if s == nil {
			return nil
		}
		s = s.Properties[name]
	}
	return s
}

// maxText is how much of a text is repeated in an error or a log, in octets.
const maxText = 500
