package schema

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// keyDigits is the length of a key in hexadecimal digits.
const keyDigits = 32

// Redact returns what a log may show of a payload, as JSON, or nil for nothing.
// A secret may stand where its sender put it by mistake. So a field is shown only
// if the type has it, the value is of its type, it is not secret and, being a
// text, neither long nor like a key.
func (t *Type) Redact(payload []byte) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	shown, ok := redact(t.schema, v)
	if !ok {
		return nil
	}
	data, err := json.Marshal(shown)
	if err != nil || string(data) == "{}" {
		return nil
	}
	return data
}

// redact returns what may be shown of a value, and whether that is anything.
func redact(s *jsonschema.Schema, v any) (any, bool) {
	if s.WriteOnly {
		return nil, false
	}
	switch v := v.(type) {
	case nil:
		return nil, true
	case bool:
		return v, isType(s, "boolean")
	case json.Number:
		return v, isType(s, "integer") || isType(s, "number")
	case string:
		known := s.Format != ""
		if s.Pattern != "" {
			known, _ = regexp.MatchString(s.Pattern, v) // the pattern is one of ours
		}
		return v, isType(s, "string") && len(v) <= maxText && (known || !LooksLikeKey(v))
	case []any:
		if !isType(s, "array") || s.Items == nil {
			return nil, false
		}
		list := []any{}
		for _, item := range v {
			if shown, ok := redact(s.Items, item); ok {
				list = append(list, shown)
			}
		}
		return list, true
	case map[string]any:
		if !isType(s, "object") {
			return nil, false
		}
		fields := map[string]any{}
		for name, value := range v {
			property := s.Properties[name]
			if property == nil {
				continue
			}
			if shown, ok := redact(property, value); ok {
				fields[name] = shown
			}
		}
		return fields, true
	}
	return nil, false
}

// LooksLikeKey reports whether a text has as many hexadecimal digits in a row as a
// key.
func LooksLikeKey(text string) bool {
	run := 0
	for _, c := range text {
		if strings.ContainsRune("0123456789abcdefABCDEF", c) {
			if run++; run >= keyDigits {
				return true
			}
			continue
		}
		run = 0
	}
	return false
}

// Secrets lists the fields that are never shown, by their paths.
func (t *Type) Secrets() []string {
	var paths []string
	walk(t.schema, "", func(path string, s *jsonschema.Schema, _ bool) {
		if s.WriteOnly {
			paths = append(paths, path)
		}
	})
	slices.Sort(paths)
	return paths
}

// walk visits the fields of a schema in their order. In paths the items of a list
// are NAME[], and the values of a map NAME.*.
func walk(s *jsonschema.Schema, path string, visit func(path string, s *jsonschema.Schema, required bool)) {
	switch {
	case s.Items != nil:
		walk(s.Items, path+"[]", visit)
	case len(s.Properties) > 0:
		for _, name := range s.PropertyOrder {
			inside := join(path, name)
			visit(inside, s.Properties[name], slices.Contains(s.Required, name))
			walk(s.Properties[name], inside, visit)
		}
	case s.AdditionalProperties != nil && s.AdditionalProperties.Not == nil:
		walk(s.AdditionalProperties, join(path, "*"), visit)
	}
}
