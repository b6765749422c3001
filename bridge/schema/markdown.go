package schema

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Markdown describes the fields in a table; it is empty for a type without
// fields. Fields of an object are NAME.FIELD, those of the items of a list
// NAME[].FIELD, and those of the values of a map NAME.*.FIELD.
func (t *Type) Markdown() string {
	var b strings.Builder
	walk(t.schema, "", func(path string, s *jsonschema.Schema, required bool) {
		if b.Len() == 0 {
			b.WriteString("| field | value | meaning |\n|---|---|---|\n")
		}
		meaning := s.Description
		note := func(text string) {
			if meaning != "" {
				meaning += "; "
			}
			meaning += text
		}
		if required && s.Default == nil && t.input() {
			note("required")
		}
		if s.Default != nil {
			note("default `" + string(s.Default) + "`")
		}
		if s.WriteOnly {
			note("secret")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(path), cell(t.valueWords(s)), cell(meaning))
	})
	return b.String()
}

// input reports whether others write the payload.
func (t *Type) input() bool { return t.direction == In }

// valueWords says what a value is.
func (t *Type) valueWords(s *jsonschema.Schema) string {
	if s.Items != nil {
		text := "list"
		if inner := t.valueWords(s.Items); inner != "object" {
			text = "list: " + inner
		}
		if s.MaxItems != nil {
			text += fmt.Sprintf(", at most %d", *s.MaxItems)
		}
		return text
	}
	if s.Enum != nil {
		var words []string
		for _, w := range s.Enum {
			words = append(words, fmt.Sprintf("`%v`", w))
		}
		return strings.Join(words, ", ")
	}
	called := map[string]string{"string": "text", "boolean": "true or false", "integer": "whole number"}
	var words []string
	for _, name := range types(s) {
		if other := called[name]; other != "" {
			name = other
		}
		words = append(words, name)
	}
	text := strings.Join(words, " or ")
	unit, _ := s.Extra[keyUnit].(string)
	expect, _ := s.Extra[keyExpect].(string)
	switch {
	case text == "":
		text = "any JSON"
	case isType(s, "string") && expect != "":
		text += ": " + expect
	case s.Format == "date-time":
		text = "time, RFC 3339"
	case !t.input() && s.Maximum != nil && slices.Contains([]float64{math.MaxInt8, math.MaxUint8, math.MaxUint16, math.MaxUint32}, *s.Maximum):
		// What fits into the Go type: nobody needs to know.
	case s.Minimum != nil && s.Maximum != nil:
		text = fmt.Sprintf("%s, %.12g to %.12g", text, *s.Minimum, *s.Maximum)
	case s.Minimum != nil && *s.Minimum != 0:
		text = fmt.Sprintf("%s, at least %.12g", text, *s.Minimum)
	case s.Maximum != nil:
		text = fmt.Sprintf("%s, at most %.12g", text, *s.Maximum)
	}
	if unit != "" {
		text += " (" + unit + ")"
	}
	return text
}

// cell makes a text fit into a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
