package translate

import "slices"

// Query returns the messages that ask the device for attributes, by their
// names; for all when there are none. Errors and element are as for Plan.
func (d *Device) Query(element string, names []string) ([]Step, error) {
	at, err := d.scope(element)
	if err != nil {
		return nil, err
	}
	w := Wanted{Named: len(names) > 0, device: d, at: at, names: names, found: make([]bool, len(names))}
	var steps []Step
	for i, f := range d.functions {
		w.function = i
		steps = append(steps, f.Query(&w)...)
	}
	for i, name := range names {
		if !w.found[i] {
			return nil, wrongf("unknown attribute %q: expected names of bridge/devices such as %s", clip(name), clip(d.example()))
		}
	}
	return steps, nil
}

// Wanted is what a query asks of one function.
type Wanted struct {
	Named bool // certain attributes were asked for, not all

	device   *Device
	at       scope
	names    []string
	found    []bool // by name: a function has it
	function int
}

// Wants reports whether the query asks for a feature of the function, by the
// property of the feature; false for "".
func (w *Wanted) Wants(property string) bool {
	switch {
	case property == "":
		return false
	case !w.Named && w.at.all:
		return true
	}
	d := w.device
	i := slices.IndexFunc(d.values, func(v value) bool { return v.function == w.function && v.Property == property })
	if i < 0 || !d.has(w.at, &d.values[i]) {
		return false
	}
	if !w.Named {
		return true
	}
	wanted := false
	for j, name := range w.names {
		if w.at.names(&d.values[i], name) {
			w.found[j], wanted = true, true
		}
	}
	return wanted
}

// example is an attribute that there is.
func (d *Device) example() string {
	if len(d.values) == 0 {
		return "none, for this device has none"
	}
	return d.values[0].Property
}
