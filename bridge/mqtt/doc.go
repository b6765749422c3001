// Package mqtt is the bridge's session with an MQTT 3.1.1 broker. It is the only
// package that knows the client library.
//
// A [Session] connects, reconnects and subscribes by itself and has an outbox of
// its own, because a client library's store keeps messages but not their
// meaning: after an outage a lamp's state of an hour ago must not be sent at
// all, and what a button did must not be sent out of order.
//
//	Publish(topic, payload, retained)   a value: of each topic the newest counts
//	Event(topic, payload, qos)          every one of them
//	Clear(topic)                        removes a retained value from the broker
//
//	                ┌ values  by topic, at most two waiting ┐  one    window of
//	Publish, Event ─┤                                       ├─ pump ─ unacknowledged ─▶ broker
//	                └ events  bounded, by QoS               ┘  per     messages
//	                                                           connection
//
// # Order
//
// What is sent on a connection is what was published, in that order. Values are
// left out when newer ones of their topic wait:
//
//   - Nothing arrives before something that was published earlier. An event comes
//     after the state that it followed, and before the next one. The topics of a
//     device's new name are there before those of the old name are cleared.
//   - Of each topic the first value that waits keeps its place, however often the
//     topic is published; of those behind it only the newest is sent. So a topic
//     that is published faster than it can be sent is sent all the same.
//   - After a lost connection only the newest value of each topic is sent: a lamp's
//     state of an hour ago is not.
//   - Events that are older than a limit are not sent: nobody wants to know of a
//     button that was pressed minutes ago. When there are too many, the oldest gives
//     way. Events of QoS 0 are not sent again after a lost connection. What is lost
//     is reported once, with count and time ([Loss]).
//   - Large values that were on their way when a connection broke are sent last,
//     one by one: the broker may have ended it because of them ([Unpublished]).
//
// On every connection the birth message comes first, then the subscriptions
// (each acknowledgement is looked at). Then come all retained values, since a
// broker that was restarted may have lost them, and the events that wait, each in
// its place. Whatever was on its way when a connection broke is sent again:
// values and events of QoS 1 arrive at least once, events of QoS 0 at most once.
//
// # What the broker sends
//
// A message that is too large is discarded without being held, and acknowledged;
// topic and size are reported once ([TooLarge]). A retained one would otherwise end
// every connection.
//
// All memory is bounded ([Limits]); what is dropped is counted ([Stats]).
package mqtt
