package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// positions returns the line of each key of a YAML file by its dotted name, so
// that a problem can say where it is. It also rejects what the parser would
// silently drop: a second document.
func positions(b []byte) (map[string]int, error) {
	lines := make(map[string]int)
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return lines, nil
	} else if err != nil {
		return nil, errors.New("expected YAML: " + parserError(err))
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("expected one YAML document, got a second one after ---")
	}
	for _, root := range document.Content {
		if root.Kind != yaml.MappingNode && root.Tag != "!!null" {
			return nil, errors.New("expected sections and keys, such as mqtt: with url: below it")
		}
		if err := note(lines, "", root, 0); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// parserError formats an error of the YAML parser on one line. Only one of its
// texts repeats a value, which may be a password.
func parserError(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if strings.Contains(text, "unknown anchor") {
		return "a value begins with * and is not in quotes"
	}
	return shortenedTo(text, 200)
}

// maxDepth is deeper than any key. Deeper keys get no position.
const maxDepth = 8

// note records the lines of the keys below n. A key written twice, nested and
// with dots, is an error, because one of its values would be dropped.
func note(lines map[string]int, prefix string, n *yaml.Node, depth int) error {
	if n.Kind != yaml.MappingNode || depth > maxDepth {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := prefix + n.Content[i].Value
		if line, twice := lines[key]; twice {
			return fmt.Errorf("expected each key once, got %s on line %d and on line %d", shortened(key), line, n.Content[i].Line)
		}
		lines[key] = n.Content[i].Line
		if err := note(lines, key+".", n.Content[i+1], depth+1); err != nil {
			return err
		}
	}
	return nil
}
