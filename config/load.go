package config

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Input is the sources of the configuration.
type Input struct {
	File    string         // path of a YAML file, empty for none
	Environ []string       // NAME=value, as os.Environ returns it
	Flags   *pflag.FlagSet // a flag set from BindFlags, or nil
	// ReadFile reads the YAML file and the files that keys name; nil means
	// os.ReadFile.
	ReadFile func(path string) ([]byte, error)
}

// Layer is a source of values. Later layers override earlier ones.
type Layer int

// The layers.
const (
	FromDefault Layer = iota
	FromFile
	FromEnvironment
	FromFlag
)

// Origin says where the value of a key came from.
type Origin struct {
	Layer Layer
	Place string // file and line, variable or flag; empty for a default
}

// String returns the place in words for people.
func (o Origin) String() string {
	switch o.Layer {
	case FromFile:
		return "file " + o.Place
	case FromEnvironment:
		return "environment " + o.Place
	case FromFlag:
		return "flag " + o.Place
	default:
		return "default"
	}
}

// Loaded is a checked configuration.
type Loaded struct {
	Config Config
	origin map[string]Origin
}

// Origin returns where the value of a key came from.
func (l *Loaded) Origin(key string) Origin { return l.origin[key] }

// IsSet reports whether the file, the environment or the flags set a key.
func (l *Loaded) IsSet(key string) bool { return l.origin[key].Layer != FromDefault }

// Load reads and checks everything. An error is always an *Invalid with all
// problems.
func Load(in Input) (*Loaded, error) {
	if in.ReadFile == nil {
		in.ReadFile = os.ReadFile
	}
	l := loader{keys: Keys(), merged: koanf.New("."), loaded: &Loaded{Config: Default(), origin: map[string]Origin{}}}
	l.defaults()
	if in.File != "" {
		l.file(in.File, in.ReadFile)
	}
	l.environment(in.Environ)
	if in.Flags != nil {
		l.flags(in.Flags)
	}
	c := &l.loaded.Config
	for _, k := range l.keys {
		switch value := l.merged.Get(k.Name).(type) {
		case nil:
		case string:
			if k.Secret {
				k.set(c, NewSecret(value))
			} else {
				k.set(c, value)
			}
		default:
			k.set(c, value)
		}
	}
	l.takeCredentials(c)
	for _, p := range Validate(c) {
		l.report(p.Key, l.loaded.origin[p.Key].Place, p.Message)
	}
	l.readFiles(c, in.ReadFile)
	if len(l.problems) > 0 {
		return nil, &Invalid{Problems: l.problems}
	}
	return l.loaded, nil
}

// loader merges the layers and collects the problems.
type loader struct {
	keys     []Key
	merged   *koanf.Koanf // the valid values, by dotted name
	loaded   *Loaded
	problems []Problem
}

func (l *loader) report(key, place, message string) {
	l.problems = append(l.problems, Problem{Key: key, Place: place, Message: message})
}

func (l *loader) defaults() {
	values := make(map[string]any)
	for _, k := range l.keys {
		values[k.Name] = k.get(&l.loaded.Config)
	}
	l.merge(values)
}

// merge adds values, which override existing ones. Secrets are passed as text,
// because koanf copies what it gets without unexported fields.
func (l *loader) merge(values map[string]any) {
	for name, value := range values {
		if s, ok := value.(Secret); ok {
			values[name] = s.Reveal()
		}
	}
	if err := l.merged.Load(confmap.Provider(values, "."), nil); err != nil {
		l.report("configuration", "", err.Error())
	}
}

// accept checks the value of one key and merges it if it is valid. A problem
// says where the value came from.
func (l *loader) accept(k Key, value any, err error, origin Origin) {
	if err != nil {
		l.report(k.Name, origin.Place, fmt.Sprintf("expected %s, got %v", k.Expect, err))
		return
	}
	l.merge(map[string]any{k.Name: value})
	l.loaded.origin[k.Name] = origin
}

// takeCredentials moves the user name and the password from the URL, which may
// be printed, to their own keys.
func (l *loader) takeCredentials(c *Config) {
	u, err := url.Parse(c.MQTT.URL)
	if err != nil || u.User == nil {
		return
	}
	origin := l.loaded.origin["mqtt.url"]
	take := func(key, value string, isSet bool, set func()) {
		switch {
		case value == "":
		case isSet:
			l.report(key, l.loaded.origin[key].Place, "is also in mqtt.url; set it in one place only")
		default:
			set()
			l.loaded.origin[key] = origin
		}
	}
	password, _ := u.User.Password()
	take("mqtt.username", u.User.Username(), c.MQTT.Username != "", func() { c.MQTT.Username = u.User.Username() })
	take("mqtt.password", password, c.MQTT.Password.IsSet(), func() { c.MQTT.Password = NewSecret(password) })
	u.User = nil
	c.MQTT.URL = u.String()
}

// readFiles reads the files that keys name: the password file and the TLS
// files. The broker's client checks the content of the TLS files.
func (l *loader) readFiles(c *Config, read func(string) ([]byte, error)) {
	files := []struct{ key, path string }{
		{"mqtt.tls.ca", c.MQTT.TLS.CA}, {"mqtt.tls.cert", c.MQTT.TLS.Cert}, {"mqtt.tls.key", c.MQTT.TLS.Key},
	}
	for _, f := range files {
		if f.path != "" {
			if _, err := read(f.path); err != nil {
				l.report(f.key, l.loaded.origin[f.key].Place, "expected a readable file: "+err.Error())
			}
		}
	}
	if c.MQTT.PasswordFile == "" {
		return
	}
	origin := l.loaded.origin["mqtt.password_file"]
	b, err := read(c.MQTT.PasswordFile)
	if err == nil {
		b = bytes.TrimPrefix(b, []byte("\uFEFF")) // the byte-order mark of some editors
		b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
		if len(b) == 0 || len(b) > 0xFFFF || bytes.ContainsAny(b, "\n\x00") {
			err = errors.New(c.MQTT.PasswordFile + " has other content")
		}
	}
	if err != nil {
		l.report("mqtt.password_file", origin.Place, "expected a file with the password on one line: "+err.Error())
		return
	}
	c.MQTT.Password = NewSecret(string(b)) // Validate has reported a conflicting password
	l.loaded.origin["mqtt.password"] = origin
}
