// Package observer is an MQTT client that records everything a broker carries,
// so that a test can wait for a message that has already arrived.
package observer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
)

// patience bounds every wait; what is waited for normally comes in seconds.
const patience = 5 * time.Minute

// Observer is subscribed to every topic. It reconnects by itself.
type Observer struct {
	t       testing.TB
	session *mqtt.Session

	mu        sync.Mutex
	connected int
	messages  []mqtt.Message
	changed   chan struct{} // closed when any of the above changes
}

// Start connects to a broker and returns when it is subscribed. The end of the
// test closes it. change may be nil; it sets options that the broker requires.
func Start(t testing.TB, url string, change func(*mqtt.Options)) *Observer {
	t.Helper()
	o := &Observer{t: t, changed: make(chan struct{})}
	options := mqtt.Options{
		URL:           url,
		ClientID:      fmt.Sprintf("observer-%p", o),
		Subscriptions: []mqtt.Subscription{{Filter: "#", QoS: 1}},
		Handler:       o.handle,
		OnStatus:      o.status,
		Logger:        zerolog.Nop(),
		Limits: mqtt.Limits{
			MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
			Events: 20_000, Inbox: 100_000, Expiry: -1, // a slow machine is no reason to leave out a command
		},
	}
	if change != nil {
		change(&options)
	}
	var err error
	if o.session, err = mqtt.New(options); err != nil {
		t.Fatal(err)
	}
	o.session.Start()
	t.Cleanup(o.close)
	o.AwaitConnection(1)
	return o
}

func (o *Observer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = o.session.Close(ctx) // the test may have ended the broker
}

func (o *Observer) handle(m mqtt.Message) {
	o.update(func() { o.messages = append(o.messages, m) })
}

func (o *Observer) status(s mqtt.Status) {
	if s.State == mqtt.Connected {
		o.update(func() { o.connected++ })
	}
}

// update changes the record and wakes those who wait.
func (o *Observer) update(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	close(o.changed)
	o.changed = make(chan struct{})
}

// AwaitConnection returns when the observer has connected for the nth time.
func (o *Observer) AwaitConnection(n int) {
	o.t.Helper()
	o.await(fmt.Sprintf("connection %d of the observer", n), func() bool { return o.connected >= n })
}

// await returns when condition, which is called with the lock held, is true.
func (o *Observer) await(what string, condition func() bool) {
	o.t.Helper()
	if !o.awaitFor(patience, condition) {
		o.t.Fatalf("%s did not arrive; the last of %d messages:\n%s", what, o.Mark(), o.tail())
	}
}

// awaitFor reports whether condition has become true in time.
func (o *Observer) awaitFor(most time.Duration, condition func() bool) bool {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	for {
		o.mu.Lock()
		done, changed := condition(), o.changed
		o.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-deadline.C:
			return false
		}
	}
}

// tail is the end of the record, for the report of a failed test.
func (o *Observer) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	const most, longest = 25, 300
	var text strings.Builder
	for _, m := range o.messages[max(0, len(o.messages)-most):] {
		fmt.Fprintf(&text, "  %s %.*s\n", m.Topic, longest, m.Payload)
	}
	return text.String()
}

// Send publishes something once.
func (o *Observer) Send(topic, payload string) { o.session.Event(topic, []byte(payload), 1) }

// Retain publishes a retained message.
func (o *Observer) Retain(topic, payload string) { o.session.Publish(topic, []byte(payload), true) }

// Flush returns when the broker has acknowledged everything that was sent.
func (o *Observer) Flush() {
	o.t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(patience); ; <-poll.C {
		if s := o.session.Stats(); s.Queued == 0 && s.InFlight == 0 {
			return
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("the broker did not acknowledge everything: %+v", o.session.Stats())
		}
	}
}

// Mark returns the number of messages so far, for Next and Since.
func (o *Observer) Mark() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages)
}

// Since lists the messages of a topic after a mark; "" means all topics.
func (o *Observer) Since(mark int, topic string) []mqtt.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []mqtt.Message
	for _, m := range o.messages[mark:] {
		if topic == "" || m.Topic == topic {
			list = append(list, m)
		}
	}
	return list
}

// Next waits for a message of a topic after a mark that contains want (see
// Contains), and returns its payload.
func (o *Observer) Next(mark int, topic, want string) []byte {
	o.t.Helper()
	return o.NextMatch(mark, topic, "that holds "+want, func(payload []byte) bool { return Contains(payload, want) })
}

// Arrives reports whether a message of a topic after a mark that contains want
// arrives in time. It is for requests that may have to be repeated.
func (o *Observer) Arrives(most time.Duration, mark int, topic, want string) bool {
	return o.awaitFor(most, func() bool {
		for ; mark < len(o.messages); mark++ {
			if m := o.messages[mark]; m.Topic == topic && Contains(m.Payload, want) {
				return true
			}
		}
		return false
	})
}

// NextMatch waits for a message of a topic after a mark that matches.
func (o *Observer) NextMatch(mark int, topic, what string, match func(payload []byte) bool) []byte {
	o.t.Helper()
	var found []byte
	o.await("a message on "+topic+" "+what, func() bool {
		for ; mark < len(o.messages); mark++ {
			if m := o.messages[mark]; m.Topic == topic && match(m.Payload) {
				found = m.Payload
				return true
			}
		}
		return false
	})
	return found
}

// Collect waits for n messages of a topic after a mark and returns their
// payloads, in order of arrival.
func (o *Observer) Collect(mark int, topic string, n int) []string {
	o.t.Helper()
	var payloads []string
	o.await(fmt.Sprintf("%d messages on %s", n, topic), func() bool {
		for ; mark < len(o.messages); mark++ {
			if m := o.messages[mark]; m.Topic == topic {
				payloads = append(payloads, string(m.Payload))
			}
		}
		return len(payloads) >= n
	})
	return payloads
}

// AwaitLast waits until the last message of a topic contains want, and returns it.
func (o *Observer) AwaitLast(topic, want string) []byte {
	o.t.Helper()
	return o.AwaitLastMatch(topic, "that holds "+want, func(payload []byte) bool { return Contains(payload, want) })
}

// AwaitLastMatch waits until the last message of a topic matches.
func (o *Observer) AwaitLastMatch(topic, what string, match func(payload []byte) bool) []byte {
	o.t.Helper()
	var found []byte
	o.await("the state of "+topic+" "+what, func() bool {
		payload, ok := o.last(topic)
		found = payload
		return ok && match(payload)
	})
	return found
}

// Last returns the payload of the last message of a topic, and whether there
// was one.
func (o *Observer) Last(topic string) ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last(topic)
}

func (o *Observer) last(topic string) ([]byte, bool) {
	for i := len(o.messages) - 1; i >= 0; i-- {
		if m := o.messages[i]; m.Topic == topic {
			return m.Payload, true
		}
	}
	return nil, false
}

// Retained asks the broker, with a separate client, for its retained messages.
func Retained(t testing.TB, url string, change func(*mqtt.Options)) map[string][]byte {
	t.Helper()
	o := Start(t, url, change)
	// After all retained messages the observer's own message arrives.
	end := fmt.Sprintf("observer/%p", o)
	o.Send(end, "end")
	o.NextMatch(0, end, "", func([]byte) bool { return true })
	stands := map[string][]byte{}
	for _, m := range o.Since(0, "") {
		if m.Retained && len(m.Payload) > 0 {
			stands[m.Topic] = m.Payload
		}
	}
	return stands
}

// Contains reports whether a payload is JSON that contains everything in want: an
// object may have more keys; everything else must be equal.
func Contains(payload []byte, want string) bool {
	var has, needs any
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if decoder.Decode(&has) != nil || json.Unmarshal([]byte(want), &needs) != nil {
		return false
	}
	return holds(has, needs)
}

func holds(has, needs any) bool {
	wanted, ok := needs.(map[string]any)
	if !ok {
		return reflect.DeepEqual(has, needs)
	}
	object, ok := has.(map[string]any)
	for key, value := range wanted {
		there, found := object[key]
		if !found || !holds(there, value) {
			return false
		}
	}
	return ok
}
