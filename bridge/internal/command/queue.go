package command

import (
	"encoding/json"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

// queue is what waits to be sent to one device. A slider sends faster than a
// mesh: while a command is on its way the ones that follow are merged into one, in
// which the last value of each attribute stands.
type queue struct {
	sending bool
	order   []string // elements with something waiting, in the order of arrival
	waiting map[string]*command

	refresh    bool          // its state is to be asked for
	refreshing bool          // that is under way
	told       []func(error) // of the end of it
}

// command is attributes for one element of a device, and what is asked of it.
type command struct {
	attributes   map[string]json.RawMessage
	transactions []json.RawMessage // of those who want to know the outcome
	query        bool
	names        []string // attributes to ask for, with query; none for all
}

// Bounds of what waits for one device.
const (
	maxElements     = 64   // the same element can be named in several ways
	maxTransactions = 1000 // in one command
)

// check says whether there is room for a command for an element.
func (q *queue) check(element string) error {
	if q.waiting[element] == nil && len(q.order) >= maxElements {
		return fault.New("busy", "commands for %d elements of the device wait already", maxElements)
	}
	return nil
}

// at is the command that waits for an element, an empty one if there is none.
func (q *queue) at(element string) *command {
	if q.waiting == nil {
		q.waiting = map[string]*command{}
	}
	w := q.waiting[element]
	if w == nil {
		w = &command{}
		q.waiting[element] = w
		q.order = append(q.order, element)
	}
	return w
}

// next takes the command that waits longest.
func (q *queue) next() (string, *command) {
	if len(q.order) == 0 {
		return "", nil
	}
	element := q.order[0]
	q.order = q.order[1:]
	w := q.waiting[element]
	delete(q.waiting, element)
	return element, w
}

// takeAll takes all commands that wait.
func (q *queue) takeAll() []*command {
	var all []*command
	for _, w := q.next(); w != nil; _, w = q.next() {
		all = append(all, w)
	}
	return all
}

// ask adds attributes to ask for; none means all.
func (c *command) ask(names []string) {
	switch {
	case len(names) == 0:
		c.names = nil
	case !c.query || len(c.names) > 0:
		c.names = append(c.names, names...)
		slices.Sort(c.names)
		c.names = slices.Compact(c.names)
	}
	c.query = true
}
