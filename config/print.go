package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteExample writes a YAML file with every key, its purpose and its default.
// Loading it returns Default.
func WriteExample(w io.Writer) error {
	out := outline{}
	out.line("# Configuration of btmesh2mqtt. All keys with their defaults. Lines that you do not change can be removed.")
	out.line("# Each key is a flag as well (--mqtt.url) and an environment variable (%s).", Keys()[0].Env())
	for _, k := range Keys() {
		out.enter(k.Name, true)
		out.line("# %s", k.Usage)
		if expectsMore(k) {
			out.line("# Expected: %s.", k.Expect)
		}
		out.value(k.Name, k.Default(), "")
	}
	_, err := io.WriteString(w, out.b.String())
	return err
}

// expectsMore reports whether the expectation says more than the default.
func expectsMore(k Key) bool {
	return k.Type != boolean().word && k.Expect != text().expect && k.Expect != nonEmpty().expect
}

// Write writes the effective configuration as YAML. Each value is followed by
// its origin. Secrets are hidden.
func (l *Loaded) Write(w io.Writer) error {
	out := outline{}
	for _, k := range Keys() {
		out.enter(k.Name, false)
		out.value(k.Name, k.yaml(k.get(&l.Config)), l.Origin(k.Name).String())
	}
	_, err := io.WriteString(w, out.b.String())
	return err
}

// outline writes dotted keys as nested YAML.
type outline struct {
	b       strings.Builder
	section []string // section of the last line
}

func (o *outline) line(format string, args ...any) {
	fmt.Fprintf(&o.b, "%s%s\n", strings.Repeat("  ", len(o.section)), fmt.Sprintf(format, args...))
}

// enter writes the headings that lead to a key. If spaced, an empty line
// precedes a new top-level section.
func (o *outline) enter(name string, spaced bool) {
	path := strings.Split(name, ".")
	path = path[:len(path)-1]
	common := 0
	for common < len(path) && common < len(o.section) && path[common] == o.section[common] {
		common++
	}
	if spaced && common == 0 {
		o.b.WriteByte('\n')
	}
	o.section = o.section[:common]
	for _, heading := range path[common:] {
		o.line("%s:", heading)
		o.section = append(o.section, heading)
	}
}

func (o *outline) value(name, value, remark string) {
	leaf := leafOf(name)
	if remark == "" {
		o.line("%s: %s", leaf, value)
		return
	}
	o.line("%-*s # %s", 44-2*len(o.section), leaf+": "+value, remark)
}
