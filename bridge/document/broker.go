package document

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Echo is B/bridge/echo. The bridge publishes it to find out whether what it
// publishes arrives, and whether another bridge has the same base topic.
type Echo struct {
	Instance string    `json:"instance" doc:"number of this run of the bridge, at random"`
	Since    time.Time `json:"since" doc:"when it was started"`
	Node     mesh.UUID `json:"node" doc:"UUID of the bridge's own node"`
	Version  string    `json:"version" doc:"version of the bridge"`
}

// Broker is what the bridge knows of its connection to the broker, part of
// [Health].
type Broker struct {
	Connects    uint64         `json:"connects" doc:"connections that were made"`
	Losses      uint64         `json:"losses" doc:"connections that were lost"`
	Dropped     uint64         `json:"events_dropped" doc:"events that were too old or too many to be published"`
	LastLoss    *EventLoss     `json:"last_loss,omitempty" doc:"the last report of events that were not published"`
	TooLarge    uint64         `json:"too_large" doc:"messages of others that were discarded because they were too large"`
	Refused     []string       `json:"refused_subscriptions,omitempty" doc:"subscriptions that the broker does not accept"`
	Unconfirmed []string       `json:"unconfirmed,omitempty" doc:"topics of the bridge that cannot be written, or not be read back"`
	Foreign     []ForeignValue `json:"foreign,omitempty" doc:"values that others have lately published to topics of the bridge"`
	Bridges     []OtherBridge  `json:"other_bridges,omitempty" doc:"other bridges with the same base topic"`
}

// EventLoss says which events were not published.
type EventLoss struct {
	Events int       `json:"events" doc:"how many"`
	Since  time.Time `json:"since" doc:"time of the first"`
	Until  time.Time `json:"until" doc:"time of the last"`
}

// ForeignValue is a value that somebody else has published to a topic of the bridge.
type ForeignValue struct {
	Topic string    `json:"topic" doc:"the topic"`
	Value string    `json:"value" doc:"the value, shortened"`
	Count int       `json:"count" doc:"how many there were lately"`
	Last  time.Time `json:"last" doc:"when the last one came"`
}

// OtherBridge is another bridge with the same base topic.
type OtherBridge struct {
	Node    mesh.UUID `json:"node" doc:"UUID of its own node"`
	Since   time.Time `json:"since" doc:"when it was started"`
	Version string    `json:"version" doc:"its version"`
	Heard   time.Time `json:"heard" doc:"when it was heard last"`
}
