package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func names(items []*item) []string {
	var all []string
	for _, i := range items {
		all = append(all, i.topic+"="+string(i.payload))
	}
	return all
}

// drain takes out everything that waits.
func drain(o *outbox) []*item {
	var all []*item
	for i := o.next(); i != nil; i = o.next() {
		all = append(all, i)
	}
	return all
}

func small() *outbox {
	return newOutbox(Limits{Values: 3, Events: 3, Payload: 10})
}

func TestOutboxBounds(t *testing.T) {
	o := small()
	for i := range 5 {
		want := i < 3
		if got := o.publish(fmt.Sprint("topic", i), []byte("x"), true); got != want {
			t.Errorf("topic %d: accepted %v", i, got)
		}
	}
	if !o.publish("topic0", []byte("y"), true) {
		t.Error("a topic that has its place was refused")
	}
	for i := range 5 {
		o.event("e", fmt.Append(nil, i), 1)
		o.event("f", fmt.Append(nil, i), 0)
	}
	equal(t, "waits", names(drain(o)), "topic0=x", "topic1=x", "topic2=x", "topic0=y", "e=2", "f=2", "e=3", "f=3", "e=4", "f=4")
	for _, bad := range []struct {
		topic   string
		payload string
	}{{"", ""}, {"a+", ""}, {"a/#", ""}, {"a\x00", ""}, {"\xff", ""}, {strings.Repeat("a", 65536), ""}, {"a", "more than ten"}} {
		if o.publish(bad.topic, []byte(bad.payload), true) || o.event(bad.topic, []byte(bad.payload), 0) {
			t.Errorf("accepted %.20q", bad.topic)
		}
	}
	if o.event("e", nil, 2) {
		t.Error("accepted QoS 2")
	}
	var s Stats
	o.fill(&s)
	if s.DroppedOut != 2+4 || s.Refused != 14 || s.Superseded != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestOutboxKeepsPayloadsApart(t *testing.T) {
	o := small()
	payload := []byte("one")
	o.publish("v", payload, true)
	o.event("e", payload, 1)
	copy(payload, "two")
	equal(t, "sent", names(drain(o)), "v=one", "e=one")
}

func TestOutboxAfterALostConnection(t *testing.T) {
	o := newOutbox(Limits{}.withDefaults())
	o.publish("acked", []byte("1"), true)
	o.publish("once", []byte("1"), false)
	o.event("e", []byte("acked"), 1)
	for _, i := range drain(o) {
		o.acked(i)
	}
	o.event("e", []byte("flying"), 1)
	o.event("e", []byte("at most once"), 0)
	o.publish("flying", []byte("1"), true)
	o.publish("passing", []byte("1"), false)
	flying := drain(o)
	o.event("e", []byte("waiting"), 1)
	o.publish("flying", []byte("2"), true)
	o.publish("cleared", nil, true)

	o.reconnected()
	for _, i := range flying {
		o.acked(i) // of the old connection: means nothing any more
	}
	again := drain(o)
	equal(t, "sent again", names(again),
		"acked=1", "e=flying", "passing=1", "e=waiting", "flying=2", "cleared=")
	for _, i := range again {
		o.acked(i)
	}
	if !o.idle() {
		t.Error("not idle")
	}
	o.reconnected()
	equal(t, "stands", names(drain(o)), "acked=1", "flying=2")
}

func TestOutboxNewerValueWhileOneIsFlying(t *testing.T) {
	o := small()
	o.publish("v", []byte("1"), true)
	first := o.next()
	o.publish("v", nil, true)
	o.acked(first)
	last := o.next()
	if last == nil || len(last.payload) != 0 {
		t.Fatalf("the clearing is lost: %+v", last)
	}
	o.publish("v", []byte("2"), true) // before the clearing is acknowledged
	o.acked(last)
	equal(t, "sent", names(drain(o)), "v=2")
}

// What any outbox owes, whatever happens to it: at the end the broker's last
// value of each topic is the last one published, and all events of QoS 1 arrived
// in the order of their first arrival.
func TestOutboxModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOutbox(Limits{}.withDefaults())
		broker := map[string]string{}
		wanted := map[string]string{}
		var flying []*item
		var arrived []string
		said := 0
		land := func(i *item) {
			if i.qos == 1 && i.topic == "e" {
				if !slices.Contains(arrived, string(i.payload)) {
					arrived = append(arrived, string(i.payload))
				}
				return
			}
			broker[i.topic] = string(i.payload)
			if len(i.payload) == 0 {
				delete(broker, i.topic)
			}
		}
		topicOf := rapid.SampledFrom([]string{"a", "b", "c"})
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				topic, value := topicOf.Draw(t, "topic"), rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "value")
				o.publish(topic, []byte(value), true)
				wanted[topic] = value
			},
			"clear": func(t *rapid.T) {
				topic := topicOf.Draw(t, "topic")
				o.publish(topic, nil, true)
				delete(wanted, topic)
			},
			"event": func(*rapid.T) {
				o.event("e", fmt.Append(nil, said), 1)
				said++
			},
			"send": func(*rapid.T) {
				if i := o.next(); i != nil {
					flying = append(flying, i)
				}
			},
			"acknowledge": func(*rapid.T) {
				if len(flying) > 0 {
					land(flying[0])
					o.acked(flying[0])
					flying = flying[1:]
				}
			},
			"lose": func(t *rapid.T) {
				// Some arrived, but the acknowledgements did not.
				for _, i := range flying[:rapid.IntRange(0, len(flying)).Draw(t, "arrived")] {
					land(i)
				}
				flying = nil
				if rapid.Bool().Draw(t, "broker forgets") {
					clear(broker)
				}
				o.reconnected()
			},
		})
		for _, i := range append(flying, drain(o)...) {
			land(i)
			o.acked(i)
		}
		if fmt.Sprint(broker) != fmt.Sprint(wanted) {
			t.Fatalf("the broker has %v, published was %v", broker, wanted)
		}
		for i, got := range arrived {
			if got != fmt.Sprint(i) {
				t.Fatalf("events arrived as %v", arrived)
			}
		}
		if len(arrived) != said || !o.idle() {
			t.Fatalf("%d of %d events arrived, idle %v", len(arrived), said, o.idle())
		}
		if len(o.values) != len(wanted) {
			t.Fatalf("%d topics are kept for %d values", len(o.values), len(wanted))
		}
	})
}

func TestInboxKeepsTheNewestAndBoundsOctets(t *testing.T) {
	b := newInbox(3)
	for _, m := range []string{"a1", "b1", "c1", "b2", "d1"} {
		b.put(Message{Topic: m[:1], Payload: []byte(m[1:])})
	}
	var got []string
	for _, m := range b.take(nil) {
		got = append(got, m.Topic+string(m.Payload))
	}
	equal(t, "inbox", got, "c1", "b2", "d1")

	b = newInbox(100)
	for range 5 {
		b.put(Message{Topic: "large", Payload: make([]byte, inboxSize/2)})
	}
	var s Stats
	b.fill(&s)
	if s.InboxQueued != 2 || s.DroppedIn != 3 || s.Received != 5 {
		t.Errorf("stats %+v", s)
	}
}

func BenchmarkOutbox(b *testing.B) {
	o := newOutbox(Limits{}.withDefaults())
	topics := make([]string, 1000)
	for i := range topics {
		topics[i] = fmt.Sprint("topic/", i)
	}
	payload := []byte(`{"state":"ON","brightness":128}`)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.publish(topics[i%len(topics)], payload, true)
		o.acked(o.next())
	}
}

// What is sent is what was published, in that order, with some values left out.
// A value that was replaced does not overtake what was published before the new
// one; an event stands between the state before it and the state after it.
func TestOutboxOrder(t *testing.T) {
	o := newOutbox(Limits{}.withDefaults())
	o.publish("lamp", []byte("off"), true)
	o.event("e", []byte("button"), 1)
	o.publish("lamp", []byte("on"), true)
	o.event("e", []byte("at most once"), 0)
	o.publish("lamp", []byte("dim"), true)
	o.publish("lamp", []byte("bright"), true)
	equal(t, "sent", names(drain(o)), "lamp=off", "e=button", "e=at most once", "lamp=bright")

	// A rename: the new topic stands before the old one is cleared, also when the
	// old one was waiting.
	o.publish("old", []byte("1"), true)
	o.publish("new", []byte("1"), true)
	o.publish("old", nil, true)
	equal(t, "sent", names(drain(o)), "old=1", "new=1", "old=")

	var s Stats
	o.fill(&s)
	if s.Superseded != 2 || s.DroppedOut != 0 {
		t.Errorf("stats %+v", s)
	}
}

// A value that is replaced again and again is sent all the same.
func TestOutboxValueIsNotStarved(t *testing.T) {
	o := newOutbox(Limits{}.withDefaults())
	var sent []string
	for i := range 20 {
		for range 3 { // more than goes out
			o.event("e", nil, 1)
		}
		o.publish("v", fmt.Append(nil, i), true)
		if next := o.next(); next.topic == "v" {
			sent = append(sent, string(next.payload))
		}
		if n := o.waiting.len; n > 2 {
			t.Fatalf("%d values of one topic wait", n)
		}
	}
	equal(t, "values that were sent meanwhile", sent, "0", "3")
}

// After a lost connection no state is sent that was replaced meanwhile, and a
// value is not sent before an event that was published before it.
func TestOutboxOrderAfterALostConnection(t *testing.T) {
	o := newOutbox(Limits{}.withDefaults())
	o.publish("standing", []byte("1"), true)
	for _, i := range drain(o) {
		o.acked(i)
	}
	o.publish("lamp", []byte("1"), true)
	o.event("e", []byte("1"), 1)
	o.publish("lamp", []byte("2"), true)
	o.event("e", []byte("2"), 1)
	flying := o.next()
	o.publish("lamp", []byte("3"), true)
	o.publish("gone", []byte("1"), true)
	o.event("e", []byte("3"), 1)
	o.publish("gone", nil, true)
	o.reconnected()
	o.acked(flying)
	equal(t, "sent again", names(drain(o)), "standing=1", "e=1", "e=2", "lamp=3", "e=3", "gone=")
}

// When there are too many events, the oldest gives way; the order of the rest
// stays.
func TestOutboxOrderWhenEventsOverflow(t *testing.T) {
	o := small() // three events
	o.publish("v", []byte("1"), true)
	for i := range 3 {
		o.event("e", fmt.Append(nil, i), 1)
	}
	o.publish("v", []byte("2"), true)
	for i := range 2 {
		o.event("e", fmt.Append(nil, 3+i), 1)
	}
	o.publish("v", []byte("3"), true)
	equal(t, "sent", names(drain(o)), "v=1", "e=2", "e=3", "e=4", "v=3")
}

// On every connection, what is sent is in the order of publication.
func TestOutboxOrderModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOutbox(Limits{Values: 3, Events: 5, Payload: 20})
		said, last := 0, -1
		var flying []*item
		topicOf := rapid.SampledFrom([]string{"a", "b", "c"})
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				o.publish(topicOf.Draw(t, "topic"), fmt.Append(nil, said), rapid.Bool().Draw(t, "retained"))
				said++
			},
			"event": func(t *rapid.T) {
				o.event("e", fmt.Append(nil, said), byte(rapid.IntRange(0, 1).Draw(t, "qos")))
				said++
			},
			"send": func(t *rapid.T) {
				i := o.next()
				if i == nil {
					return
				}
				flying = append(flying, i)
				var number int
				if _, err := fmt.Sscan(string(i.payload), &number); err != nil {
					t.Fatal(err)
				}
				if number <= last {
					t.Fatalf("%d was sent after %d", number, last)
				}
				last = number
			},
			"acknowledge": func(*rapid.T) {
				if len(flying) > 0 {
					o.acked(flying[0])
					flying = flying[1:]
				}
			},
			"lose": func(*rapid.T) {
				flying, last = nil, -1
				o.reconnected()
			},
			"": func(t *rapid.T) {
				if n := o.waiting.len; n > 6 {
					t.Fatalf("%d values of three topics wait", n)
				}
			},
		})
	})
}
