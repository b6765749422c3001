package lists

import (
	"encoding/json"
	"strings"
	"unicode"
)

// snakes is a struct of counters as JSON with keys_like_this: the mesh stack
// has no opinion about documents.
func snakes(counters any) any {
	data, err := json.Marshal(counters)
	var v any
	if err != nil || json.Unmarshal(data, &v) != nil {
		return nil
	}
	return renamed(v)
}

func renamed(v any) any {
	fields, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(fields))
	for name, value := range fields {
		out[snake(name)] = renamed(value)
	}
	return out
}

// snake turns BadMIC into bad_mic.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
