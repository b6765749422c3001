package config

import "github.com/spf13/pflag"

// Input is where the configuration comes from.
type Input struct {
	File    string         // path of a YAML file, or empty for none
	Environ []string       // NAME=value, as os.Environ returns it
	Flags   *pflag.FlagSet // with the flags of BindFlags, or nil
	// ReadFile reads the YAML file and the files that keys name; nil means
	// os.ReadFile.
	ReadFile func(path string) ([]byte, error)
}

// Layer is a source of values; later ones override earlier ones.
type Layer int

// Layers.
const (
	FromDefault Layer = iota
	FromFile
	FromEnvironment
	FromFlag
)

// Origin is where the value of a key came from.
type Origin struct {
	Layer Layer
	Place string // file and line, variable, flag
}

// Loaded is a configuration that was checked.
type Loaded struct {
	Config Config
	origin map[string]Origin
}

// Origin returns where the value of a key came from.
func (l *Loaded) Origin(key string) Origin { return l.origin[key] }

// BindFlags adds one flag for each key. Load reads them.
func BindFlags(flags *pflag.FlagSet) { panic("TODO") }

// Load reads and checks everything. An error is always a *Invalid.
func Load(in Input) (*Loaded, error) { panic("TODO") }
