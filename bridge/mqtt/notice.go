package mqtt

import (
	"fmt"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
)

// mostTopic is how much of a topic is shown, in octets.
const mostTopic = 200

// Notice is something that an operator should know although the connection goes
// on. Its text says what happened, on which topic, and what to do.
type Notice interface {
	fmt.Stringer
	notice()
}

// TooLarge is an incoming message that was discarded.
type TooLarge struct {
	Topic  string
	Octets int // of payload
	Limit  int
}

// Loss is what could not be published in a period of time.
type Loss struct {
	Events int // that were too old or too many
	// Since and Until are the times of the first and the last of them.
	Since, Until time.Time
	Expiry       time.Duration // age from which events are not delivered
	Topics       []string      // of some of them, at most a few
}

// Unpublished is a value that cannot be published. There is one notice for each
// topic, however often it changes.
type Unpublished struct {
	Topic  string
	Octets int
	Reason string // with what to do
}

// Refusal is the subscriptions that the broker does not accept; none when it has
// accepted all of them.
type Refusal struct{ Filters []string }

func (TooLarge) notice()    {}
func (Loss) notice()        {}
func (Unpublished) notice() {}
func (Refusal) notice()     {}

// String says which message was discarded.
func (n TooLarge) String() string {
	return fmt.Sprintf("the broker sent a message of %d octets on %s, at most %d are accepted; it was discarded: "+
		"if it is retained, clear it by publishing an empty retained message there", n.Octets, excerpt.Of(n.Topic, mostTopic), n.Limit)
}

// String says how many events were lost, and when.
func (n Loss) String() string {
	events := fmt.Sprintf("%d events", n.Events)
	if n.Events == 1 {
		events = "1 event"
	}
	return fmt.Sprintf("%s between %s and %s were not delivered, because the broker was away, or slow (an event waits for at most %v): %s; states are not affected",
		events, n.Since.UTC().Format(time.DateTime), n.Until.UTC().Format(time.DateTime), n.Expiry, strings.Join(n.Topics, ", "))
}

// String says which message cannot be published, and why.
func (n Unpublished) String() string {
	return fmt.Sprintf("the message of %d octets for %s is not published: %s", n.Octets, excerpt.Of(n.Topic, mostTopic), n.Reason)
}

// String says which subscriptions are refused.
func (n Refusal) String() string {
	if len(n.Filters) == 0 {
		return "the broker accepts all subscriptions now"
	}
	return "the broker refuses the subscriptions " + strings.Join(n.Filters, ", ") +
		"; what is published there does not arrive: allow this user to read them in the broker's access rules"
}
