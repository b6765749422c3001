package docs

import (
	"encoding/json"
	"fmt"
	"testing"
)

// unlike describes how a document differs from the example in a page: missing
// keys and different types. Values may differ, and the document may have more
// keys. null in the example matches anything. Each item of a list in the
// example must match an item of the document. The result "" means that the
// document matches.
func unlike(document, example []byte) string {
	var has, shown any
	if err := json.Unmarshal(document, &has); err != nil {
		return fmt.Sprintf("the document is not JSON: %v", err)
	}
	if err := json.Unmarshal(example, &shown); err != nil {
		return fmt.Sprintf("the example is not JSON: %v", err)
	}
	return differ("", has, shown)
}

func differ(path string, has, shown any) string {
	name := path
	if name == "" {
		name = "the document"
	}
	switch shown := shown.(type) {
	case nil:
		return ""
	case map[string]any:
		object, ok := has.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is no object", name)
		}
		for key, value := range shown {
			there, ok := object[key]
			if !ok {
				return fmt.Sprintf("%s has no %q", name, key)
			}
			if d := differ(path+"/"+key, there, value); d != "" {
				return d
			}
		}
	case []any:
		list, ok := has.([]any)
		if !ok {
			return fmt.Sprintf("%s is no list", name)
		}
		for i, item := range shown {
			last := fmt.Sprintf("%s is empty", name)
			for _, there := range list {
				if last = differ(fmt.Sprintf("%s/%d", path, i), there, item); last == "" {
					break
				}
			}
			if last != "" {
				return last
			}
		}
	default:
		if fmt.Sprintf("%T", has) != fmt.Sprintf("%T", shown) {
			return fmt.Sprintf("%s is %v, of another type than %v", name, has, shown)
		}
	}
	return ""
}

func TestUnlike(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ document, example, want string }{
		{`{"a":1,"b":[{"c":"x"},{"c":"y","d":true}]}`, `{"a":2}`, ""},
		{`{"a":1,"b":[{"c":"x"},{"c":"y","d":true}]}`, `{"b":[{"d":false}]}`, ""},
		{`{"a":1}`, `{"a":null}`, ""},
		{`[]`, `[]`, ""},
		{`{"a":1}`, `{"b":null}`, `the document has no "b"`},
		{`{"a":1}`, `{"a":"1"}`, `/a is 1, of another type than 1`},
		{`{"a":null}`, `{"a":1}`, `/a is <nil>, of another type than 1`},
		{`{"a":[]}`, `{"a":[1]}`, `/a is empty`},
		{`{"a":[{"b":1}]}`, `{"a":[{"c":1}]}`, `/a/0 has no "c"`},
		{`{"a":1}`, `{"a":{}}`, `/a is no object`},
		{`{"a":1}`, `{"a":[]}`, `/a is no list`},
		{`x`, `{}`, `the document is not JSON: invalid character 'x' looking for beginning of value`},
	} {
		if got := unlike([]byte(tt.document), []byte(tt.example)); got != tt.want {
			t.Errorf("%s like %s: got %q, want %q", tt.document, tt.example, got, tt.want)
		}
	}
}
