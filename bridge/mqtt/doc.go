// Package mqtt is the bridge's session with an MQTT 3.1.1 broker. It is the only
// package that knows the client library.
//
// A [Session] connects, reconnects and subscribes by itself and has an outbox of
// its own, because a client library's store keeps messages but not their
// meaning: after an outage a lamp's state of an hour ago must not be sent at
// all, and what a button did must not be sent out of order.
//
//	Publish(topic, payload, retained)   the last value per topic; a newer one takes
//	                                    the place of one that was not sent yet
//	Event(topic, payload, qos)          every one of them, in order
//	Clear(topic)                        removes a retained value from the broker
//
//	                ┌ values  topic -> last value ┐  one    window of
//	Publish, Event ─┤                             ├─ pump ─ unacknowledged ─▶ broker
//	                └ events  bounded, in order   ┘  per     messages
//	                                                 connection
//
// On every connection the birth message comes first, then the subscriptions
// (each acknowledgement is looked at), then every retained value again, since a
// broker that was restarted may have lost them, then the events that waited.
// Whatever was on its way when a connection broke is sent again: values and
// events of QoS 1 arrive at least once, events of QoS 0 at most once.
//
// All memory is bounded ([Limits]); what is dropped is counted ([Stats]).
package mqtt
