package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
	"github.com/google/jsonschema-go/jsonschema"
)

// check compares a value, whose types are right, with the ranges and enumerations
// of its schema. The library's own validation is not used here, because its
// errors speak of schemas and not of the payload.
func check(path string, s *jsonschema.Schema, v any) error {
	switch v := v.(type) {
	case map[string]any:
		return checkObject(path, s, v)
	case []any:
		if s.MaxItems != nil && len(v) > *s.MaxItems {
			return invalid("%s: expected %s, got %d", path, expectation(s), len(v))
		}
		for _, item := range v {
			if s.Items == nil {
				break
			}
			if err := check(path, s.Items, item); err != nil {
				return err
			}
		}
	case json.Number:
		n, err := v.Float64()
		if err != nil || s.Minimum != nil && n < *s.Minimum || s.Maximum != nil && n > *s.Maximum {
			got := v.String()
			if err == nil && !isType(s, "integer") {
				got = fmt.Sprintf("%g", n)
			}
			return invalid("%s: expected %s, got %s", path, expectation(s), excerpt.Of(got, maxText))
		}
	case string:
		if s.Enum != nil && !slices.Contains(s.Enum, any(v)) {
			got := strconv.Quote(excerpt.Of(v, maxText))
			if LooksLikeKey(v) {
				got = "another text"
			}
			return invalid("%s: expected %s, got %s", path, expectation(s), got)
		}
	}
	return nil
}

// checkObject checks the fields of an object in the order of the schema. Like
// encoding/json it does not mind the case of a name.
func checkObject(path string, s *jsonschema.Schema, fields map[string]any) error {
	for _, name := range s.PropertyOrder {
		property, inside, given := s.Properties[name], join(path, name), false
		for key, value := range fields {
			if !strings.EqualFold(key, name) || value == nil || value == "" {
				continue
			}
			given = true
			if err := check(inside, property, value); err != nil {
				return err
			}
		}
		if !given && slices.Contains(s.Required, name) && property.Extra[keyHandler] == nil {
			return invalid("%s: expected %s", inside, expectation(property))
		}
	}
	if s.AdditionalProperties != nil && len(s.Properties) == 0 {
		for key, value := range fields {
			if err := check(join(path, key), s.AdditionalProperties, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// expectation says what a value should be, in words.
func expectation(s *jsonschema.Schema) string {
	if text, ok := s.Extra[keyExpect].(string); ok {
		return text
	}
	unit := ""
	if text, ok := s.Extra[keyUnit].(string); ok {
		unit = " " + text
	}
	switch {
	case s.Enum != nil:
		return list(s.Enum)
	case s.MaxItems != nil:
		return fmt.Sprintf("at most %d%s", *s.MaxItems, unit)
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%g to %g%s", *s.Minimum, *s.Maximum, unit)
	case s.Minimum != nil:
		return fmt.Sprintf("at least %g%s", *s.Minimum, unit)
	case s.Maximum != nil:
		return fmt.Sprintf("at most %g%s", *s.Maximum, unit)
	case unit != "":
		return "a number of" + unit
	default:
		return typeWords(s)
	}
}

// list writes words as a, b or c.
func list(words []any) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, w)
	}
	return b.String()
}

// types are the JSON types that a schema allows; none for all.
func types(s *jsonschema.Schema) []string {
	if s.Type != "" {
		return []string{s.Type}
	}
	return s.Types
}

func isType(s *jsonschema.Schema, name string) bool { return slices.Contains(types(s), name) }

// typeWords is what the types of a schema are called here.
func typeWords(s *jsonschema.Schema) string {
	called := map[string]string{
		"string": "a text", "boolean": "true or false", "integer": "a whole number", "number": "a number",
		"array": "a list", "object": "an object", "null": "null",
	}
	var words []any
	for _, name := range types(s) {
		words = append(words, called[name])
	}
	if words == nil {
		return "a value"
	}
	return list(words)
}
