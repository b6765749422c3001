package publish

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/writer"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// broker notes what is published, and what the store had of it at that time.
type broker struct {
	store store.Store
	got   []string
	early []string // topics that the ledger did not have yet
}

func (b *broker) Publish(topic string, payload []byte, _ bool) {
	b.got = append(b.got, topic+"="+string(payload))
	data, err := b.store.Get(TableTopics, lamp.String())
	if err != nil || !strings.Contains(string(data), `"`+topic+`"`) {
		b.early = append(b.early, topic)
	}
}

func (b *broker) Event(topic string, payload []byte, _ byte) {
	b.got = append(b.got, topic+"!"+string(payload))
}

func (b *broker) Clear(topic string) { b.got = append(b.got, topic+"-") }

var lamp = mesh.UUID{15: 1}

// bench is a ledger whose loop is the test itself.
type bench struct {
	*Ledger
	broker *broker
	writer *writer.Writer
	posted chan func()
	stop   func()
}

func start(t *testing.T, s store.Store) *bench {
	t.Helper()
	topics, err := topic.New("b")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{broker: &broker{store: s}, posted: make(chan func(), 100)}
	b.writer = writer.New(s, func(f func()) { b.posted <- f })
	p := New(topics, zerolog.Nop())
	p.Attach(b.broker)
	b.Ledger = NewLedger(p, b.writer, zerolog.Nop())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.writer.Run(ctx) }()
	b.stop = func() { cancel(); <-ended }
	return b
}

// turn is one turn of the loop; it returns what was published since the last one.
func (b *bench) turn() []string {
	for b.writer.Flush() {
		synctest.Wait()
		for len(b.posted) > 0 {
			(<-b.posted)()
		}
	}
	got := b.broker.got
	b.broker.got = nil
	return got
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
}

func TestTopicsAreNotedBeforeTheyAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, store.NewMemory())
		defer b.stop()
		b.Retain(lamp, "b/lamp", []byte("1"))
		b.Retain(lamp, "b/lamp", []byte("2")) // before the first one could be published
		b.Retain(lamp, "b/lamp/availability", []byte("on"))
		expect(t, b.broker.got)
		expect(t, b.turn(), "b/lamp=2", "b/lamp/availability=on")
		b.Retain(lamp, "b/lamp", []byte("3")) // the topic is known: at once
		expect(t, b.broker.got, "b/lamp=3")
		if len(b.broker.early) > 0 {
			t.Errorf("%v were used before the ledger had them", b.broker.early)
		}
	})
}

// What is cleared before it could be published is not published any more.
func TestClearOvertakesRetain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, store.NewMemory())
		defer b.stop()
		b.Retain(lamp, "b/lamp", []byte("1"))
		b.Clear(lamp, "b/lamp", "b/unknown")
		expect(t, b.turn(), "b/lamp-")
		b.Retain(lamp, "b/lamp", []byte("2"))
		expect(t, b.turn(), "b/lamp=2")
		b.Forget(lamp)
		expect(t, b.turn(), "b/lamp-")
		if topics := b.Topics(lamp); len(topics) != 0 {
			t.Errorf("the ledger still has %v", topics)
		}
	})
}

// After a restart the ledger knows what stands on the broker, and clears once more
// what it cleared before, unless it is in use again.
func TestLedgerAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory()
		b := start(t, s)
		for _, topic := range []string{"b/old", "b/lamp", "b/again"} {
			b.Retain(lamp, topic, []byte("1"))
		}
		b.turn()
		b.Clear(lamp, "b/old", "b/again")
		b.turn()
		b.stop()

		b = start(t, s)
		defer b.stop()
		b.Load(lamp)
		expect(t, b.Topics(lamp), "b/lamp")
		b.Retain(lamp, "b/again", []byte("2"))
		b.ClearFormer()
		expect(t, b.turn(), "b/old-", "b/again=2")
		b.ClearFormer() // once is enough
		expect(t, b.turn())
	})
}
