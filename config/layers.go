package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// maxFile is the size in octets of the largest configuration file that is
// accepted.
const maxFile = 1 << 20

// file adds the YAML file.
func (l *loader) file(path string, read func(string) ([]byte, error)) {
	b, err := read(path)
	if err != nil {
		l.report(path, "", "expected a readable YAML file: "+err.Error())
		return
	}
	if len(b) > maxFile {
		l.report(path, "", fmt.Sprintf("expected a YAML file of at most %d octets, got %d", maxFile, len(b)))
		return
	}
	lines, err := positions(b)
	if err != nil {
		l.report(path, "", err.Error())
		return
	}
	layer := koanf.New(".")
	if err := layer.Load(rawbytes.Provider(b), yaml.Parser()); err != nil {
		l.report(path, "", "expected YAML with sections and keys: "+parserError(err))
		return
	}
	values := layer.All()
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		if lines[a] != lines[b] {
			return lines[a] - lines[b]
		}
		return strings.Compare(a, b)
	})
	misplaced := make(map[string]bool) // keys that are reported because they are sections
	for _, name := range names {
		place := path
		if line := lines[name]; line > 0 {
			place = fmt.Sprintf("%s:%d", path, line)
		}
		l.fileValue(name, values[name], Origin{FromFile, place}, misplaced)
	}
}

// fileValue adds one value of the file under its flattened name.
func (l *loader) fileValue(name string, value any, origin Origin, misplaced map[string]bool) {
	for _, k := range l.keys {
		switch {
		case k.Name == name:
			v, err := k.fromYAML(value)
			l.accept(k, v, err, origin)
			return
		case strings.HasPrefix(name, k.Name+"."):
			if !misplaced[k.Name] {
				misplaced[k.Name] = true
				l.report(k.Name, origin.Place, fmt.Sprintf("expected %s, got a section", k.Expect))
			}
			return
		}
	}
	if below := l.below(name); len(below) > 0 {
		if empty, isMap := value.(map[string]any); value == nil || isMap && len(empty) == 0 {
			return // a section in which all keys are commented out
		}
		l.report(name, origin.Place, "expected a section with "+strings.Join(below, ", "))
		return
	}
	l.report(shortened(name), origin.Place, "unknown key"+l.suggestion(name))
}

// below lists the keys of a section.
func (l *loader) below(section string) []string {
	var names []string
	for _, k := range l.keys {
		if strings.HasPrefix(k.Name, section+".") {
			names = append(names, k.Name)
		}
	}
	return names
}

// suggestion is the hint that follows the error about an unknown key.
func (l *loader) suggestion(name string) string {
	var names, leaves []string
	leaf := leafOf(name)
	for _, k := range l.keys {
		names = append(names, k.Name)
		if leafOf(k.Name) == leaf {
			leaves = append(leaves, k.Name)
		}
	}
	if near := Nearest(name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(leaves) > 0 {
		return "; did you mean " + strings.Join(leaves, " or ") + "?"
	}
	return "; config example lists all keys"
}

// leafOf returns the part of a dotted name after the last dot.
func leafOf(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// environment adds the variables that begin with EnvPrefix. All of them must be
// known.
func (l *loader) environment(environ []string) {
	known := make(map[string]Key)
	var variables []string
	for _, k := range l.keys {
		known[k.Env()] = k
		variables = append(variables, k.Env())
	}
	// No delimiter, so that the names of variables stay unchanged.
	provider := env.Provider("", env.Opt{Prefix: EnvPrefix, EnvironFunc: func() []string { return environ }})
	values, err := provider.Read()
	if err != nil {
		l.report("environment", "", err.Error())
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		k, ok := known[name]
		if !ok {
			message := "unknown variable; config show lists all keys; write a dot as __"
			if near := Nearest(name, variables); near != "" {
				message = "unknown variable; did you mean " + near + "?"
			}
			l.report(shortened(name), "environment", message)
			continue
		}
		v, err := k.fromText(fmt.Sprint(values[name]))
		l.accept(k, v, err, Origin{FromEnvironment, name})
	}
}

// flags adds the flags that were given.
func (l *loader) flags(flags *pflag.FlagSet) {
	provider := posflag.ProviderWithFlag(flags, "\x00", nil, func(f *pflag.Flag) (string, any) {
		if _, ours := f.Value.(*flagText); !ours || !f.Changed {
			return "", nil
		}
		return f.Name, f.Value.String()
	})
	given, err := provider.Read()
	if err != nil {
		l.report("flags", "", err.Error())
		return
	}
	for _, k := range l.keys {
		if text, ok := given[k.Name].(string); ok {
			v, err := k.fromText(text)
			l.accept(k, v, err, Origin{FromFlag, "--" + k.Name})
		}
	}
}

// BindFlags adds one flag for each key. The flags accept any text: Load checks
// it together with everything else.
func BindFlags(flags *pflag.FlagSet) {
	defaults := Default()
	for _, k := range Keys() {
		f := flags.VarPF(&flagText{kind: k.Type}, k.Name, "", k.Usage)
		f.DefValue = "" // the usage shows the real default
		if value := k.yaml(k.get(&defaults)); value != `""` {
			f.Usage += " [" + strings.Trim(value, "[]") + "]"
		}
		if k.Type == "bool" {
			f.NoOptDefVal = "true"
		}
	}
}

// flagText is a flag that accepts any text. If it is given several times, it
// forms a list, or the last value counts.
type flagText struct {
	kind string
	text string
	set  bool
}

func (f *flagText) String() string { return f.text }
func (f *flagText) Type() string   { return f.kind }

func (f *flagText) Set(s string) error {
	if f.kind == "list" && f.set {
		s = f.text + "," + s
	}
	f.text, f.set = s, true
	return nil
}
