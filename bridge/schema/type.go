package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"
)

// Draft is the version of JSON Schema that schemas are written in.
const Draft = "https://json-schema.org/draft/2020-12/schema"

// Keywords of our own in a schema. Programs that do not know them ignore them.
const (
	keyUnit   = "x-unit"
	keyExpect = "x-expect"
	// keyHandler marks a required field whose absence is left to the handler. It
	// is not in the schemas that others get.
	keyHandler = "x-handler"
)

// Direction says who writes a payload.
type Direction int

// The directions.
const (
	// In is a payload that others write: unknown fields are refused, and only
	// those fields are required that say so.
	In Direction = iota
	// Out is a payload of the bridge: all fields are there that are not left out
	// when they are empty, and later versions may add more.
	Out
)

// JSON is a JSON Schema, to be written with encoding/json.
type JSON = jsonschema.Schema

// Type describes the JSON of a Go type.
type Type struct {
	of        reflect.Type
	schema    *jsonschema.Schema
	direction Direction
	resolve   func() (*jsonschema.Resolved, error)
}

// For describes the type T. It fails for types that JSON cannot hold, for json
// marshalers that are not known, and for tags that cannot be understood.
func For[T any](d Direction) (*Type, error) { return Of(reflect.TypeFor[T](), d) }

// Of describes a type, like [For].
func Of(t reflect.Type, d Direction) (*Type, error) {
	known := knownTypes()
	if err := addMarshalers(t, known, map[reflect.Type]bool{}); err != nil {
		return nil, err
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: known})
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	a := annotator{known: known, direction: d}
	if err := a.annotate(t, s); err != nil {
		return nil, fmt.Errorf("schema: %s: %w", t, err)
	}
	if defaults := defaultsOf(s); defaults != nil {
		if err := json.Unmarshal(defaults, reflect.New(t).Interface()); err != nil {
			return nil, fmt.Errorf("schema: %s: a default has another type: %w", t, err)
		}
	}
	resolve := sync.OnceValues(func() (*jsonschema.Resolved, error) { return s.CloneSchemas().Resolve(nil) })
	return &Type{of: t, schema: s, direction: d, resolve: resolve}, nil
}

// New makes a pointer to a value of the type.
func (t *Type) New() any { return reflect.New(t.of).Interface() }

// Schema returns the JSON Schema. It is the caller's.
func (t *Type) Schema() *JSON {
	s := t.schema.CloneSchemas()
	s.Schema = Draft
	strip(s)
	return s
}

// strip takes out what is for this package only.
func strip(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Extra[keyHandler] != nil {
		s.Extra = maps.Clone(s.Extra)
		delete(s.Extra, keyHandler)
	}
	strip(s.Items)
	strip(s.AdditionalProperties)
	for _, property := range s.Properties {
		strip(property)
	}
}

// Validate checks a JSON value against the schema, for tests: the errors are
// those of the library.
func (t *Type) Validate(data []byte) error {
	resolved, err := t.resolve()
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	return resolved.Validate(v)
}

// addMarshalers adds the types that write themselves as text.
func addMarshalers(t reflect.Type, known map[reflect.Type]*jsonschema.Schema, seen map[reflect.Type]bool) error {
	if seen[t] || known[t] != nil {
		return nil
	}
	seen[t] = true
	switch {
	case t.Kind() == reflect.Pointer:
		return addMarshalers(t.Elem(), known, seen)
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		return fmt.Errorf("schema: the JSON of %s is not known", t)
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		known[t] = &jsonschema.Schema{Type: "string"}
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return addMarshalers(t.Elem(), known, seen)
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if !f.IsExported() || f.Tag.Get("json") == "-" {
				continue
			}
			if err := addMarshalers(f.Type, known, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// annotator completes a schema that was made of a Go type with what the tags
// say.
type annotator struct {
	known     map[reflect.Type]*jsonschema.Schema
	direction Direction
}

func (a *annotator) annotate(t reflect.Type, s *jsonschema.Schema) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if a.known[t] != nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		// No list is null: package bridge writes [] for none.
		s.Type, s.Types = "array", nil
		return a.annotate(t.Elem(), s.Items)
	case reflect.Map:
		return a.annotate(t.Elem(), s.AdditionalProperties)
	case reflect.Struct:
		return a.object(t, s)
	default:
		return nil
	}
}

// object completes the schema of a struct.
func (a *annotator) object(t reflect.Type, s *jsonschema.Schema) error {
	if a.direction == In {
		s.Required = nil
	} else {
		s.AdditionalProperties = nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			return fmt.Errorf("field %s has no json tag", f.Name)
		}
		property := s.Properties[name]
		if property == nil {
			return fmt.Errorf("field %s has no schema", f.Name)
		}
		if a.direction == In || strings.Contains(options, "omit") {
			notNull(property)
		}
		if err := a.annotate(f.Type, property); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := a.field(name, f, s, property); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// notNull takes null out of the types: the value is left out instead.
func notNull(s *jsonschema.Schema) {
	s.Types = slices.DeleteFunc(s.Types, func(t string) bool { return t == "null" })
	if len(s.Types) == 1 {
		s.Type, s.Types = s.Types[0], nil
	}
}

// field reads the tags of a field.
func (a *annotator) field(name string, f reflect.StructField, parent, s *jsonschema.Schema) error {
	extra := func(key, value string) {
		if s.Extra == nil {
			s.Extra = map[string]any{}
		}
		s.Extra[key] = value
	}
	for _, key := range []string{"doc", "unit", "min", "max", "most", "enum", "expect", "default", "types", "format", "required", "secret"} {
		value, ok := f.Tag.Lookup(key)
		if !ok {
			continue
		}
		var err error
		switch key {
		case "doc":
			s.Description = value
		case "unit":
			extra(keyUnit, value)
		case "expect":
			extra(keyExpect, value)
		case "min":
			s.Minimum, err = number(value)
		case "max":
			s.Maximum, err = number(value)
		case "most":
			var n int
			n, err = strconv.Atoi(value)
			s.MaxItems = &n
		case "enum":
			for _, word := range strings.Split(value, ",") {
				s.Enum = append(s.Enum, word)
			}
		case "default":
			if !json.Valid([]byte(value)) {
				err = fmt.Errorf("the default %s is not JSON; a text needs quotes", value)
			}
			s.Default = json.RawMessage(value)
		case "types":
			s.Type, s.Types = "", strings.Split(value, ",")
			if len(s.Types) == 1 {
				s.Type, s.Types = value, nil
			}
		case "format":
			s.Format = value
		case "required":
			if value != "true" && value != "handler" {
				err = fmt.Errorf("required: expected true or handler, got %s", value)
			}
			parent.Required = append(parent.Required, name)
			if value == "handler" {
				extra(keyHandler, "true")
			}
		case "secret":
			if value != "true" {
				err = fmt.Errorf("secret: expected true, got %s", value)
			}
			s.WriteOnly = true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func number(text string) (*float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	return &n, err
}
