package translate

import "reflect"

// State is the attributes of a device as they are published: what its functions
// last reported, by property. A value of nil is not known.
type State struct {
	values map[string]any
	// changes are the properties that were set since takeChanges, with what
	// they were before.
	changes []change
}

type change struct {
	property string
	before   any
	had      bool
}

// Get returns the value of a property, nil when it is not known.
func (s *State) Get(property string) any { return s.values[property] }

// Set takes over the value of a property. Numbers are int or float64.
func (s *State) Set(property string, value any) {
	before, had := s.values[property]
	if had && same(before, value) {
		return
	}
	s.values[property] = value
	s.changes = append(s.changes, change{property, before, had})
}

// SetKnown is Set if the value is known, and otherwise sets nil.
func (s *State) SetKnown(property string, known bool, value any) {
	if !known {
		value = nil
	}
	s.Set(property, value)
}

// takeChanges lists the properties with another value than at the last call,
// with that value; nil when there are none.
func (s *State) takeChanges() map[string]any {
	var changed map[string]any
	for i, c := range s.changes {
		value := s.values[c.property]
		if c.had && same(c.before, value) || s.changedEarlier(i) {
			continue // it went back to what it was, or is in the list already
		}
		if changed == nil {
			changed = make(map[string]any, len(s.changes))
		}
		changed[c.property] = value
	}
	s.changes = s.changes[:0]
	return changed
}

// changedEarlier reports whether the property of a change has one before it,
// which is the one that knows the value at the last call.
func (s *State) changedEarlier(i int) bool {
	for _, c := range s.changes[:i] {
		if c.property == s.changes[i].property {
			return true
		}
	}
	return false
}

// same compares two values of a property.
func same(a, b any) bool {
	if a == nil || b == nil {
		return a == b
	}
	if !reflect.TypeOf(a).Comparable() {
		return reflect.DeepEqual(a, b)
	}
	return a == b
}
