package lists

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
)

// snakes is a struct of counters with keys_like_this: the mesh stack has no opinion
// about documents.
func snakes(counters any) document.Counters {
	data, err := json.Marshal(counters)
	var fields map[string]any
	if err != nil || json.Unmarshal(data, &fields) != nil {
		return nil
	}
	return renamed(fields)
}

func renamed(fields map[string]any) document.Counters {
	out := make(document.Counters, len(fields))
	for name, value := range fields {
		if inner, ok := value.(map[string]any); ok {
			value = renamed(inner)
		}
		out[snake(name)] = value
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
