package gatt

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// TestTrouble ends links in every way in which they can end, and checks the
// reported cause.
func TestTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		trouble func(air *virtual.Air, a, b *box)
		within  time.Duration
		want    error
	}{
		"out of range": {func(air *virtual.Air, a, b *box) {
			air.SetLinks(a.virtual.Address(), b.virtual.Address(), virtual.Link{Cut: true})
		}, 3500 * ms, packet.StatusConnectionTimeout},
		"unplugged peer":       {func(_ *virtual.Air, _, b *box) { b.virtual.Unplug() }, 3500 * ms, packet.StatusConnectionTimeout},
		"peer's service stops": {func(_ *virtual.Air, _, b *box) { b.stop() }, 100 * ms, packet.StatusRemotePowerOff},
		"unplugged":            {func(_ *virtual.Air, a, _ *box) { a.virtual.Unplug() }, 100 * ms, ErrRadio},
		"hung": {func(_ *virtual.Air, a, _ *box) {
			a.virtual.Hang(true)
			_ = a.mesh.Send(bearer.NewOutgoing(bearer.Message, bearer.OwnLane(5), bearer.Transmit{Count: 1}, []byte{1}))
		}, 3 * time.Second, ErrRadio},
		"reset": {func(_ *virtual.Air, a, _ *box) { a.virtual.HardwareError(7) }, 100 * ms, ErrRadio},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
				a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
				join(t, a, b, 1)
				test.trouble(air, a, b)
				time.Sleep(test.within)
				if e := a.last(1); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, test.want) {
					t.Errorf("%v, %v", a.of(1), e.Err)
				}
				if err := a.Write(1, []byte("gone")); err != nil {
					t.Errorf("an unknown link: %v", err)
				}
				a.Disconnect(1)
			})
		})
	}
}

// TestDataThatIsKept uses a controller that keeps a link's data or does not
// report it as sent. The link ends, and the radio continues.
func TestDataThatIsKept(t *testing.T) {
	for name, trouble := range map[string]func(c *virtual.Controller){
		"held":      func(c *virtual.Controller) { c.HoldData(true) },
		"forgotten": func(c *virtual.Controller) { c.DropCompleted(100) },
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
				a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
				join(t, a, b, 1)
				trouble(a.virtual)
				for a.Write(1, make([]byte, 100)) == nil {
					time.Sleep(10 * ms)
				}
				time.Sleep(7 * time.Second)
				if e := a.last(1); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, packet.StatusLocalHost) {
					t.Errorf("%v, %v", a.of(1), e.Err)
				}
				if n := a.controller.Stats(); n.Stalled != 1 || n.Resets != 0 {
					t.Errorf("stats %+v", n)
				}
				a.virtual.HoldData(false)
				a.virtual.DropCompleted(0)
				join(t, a, b, 2)
				if err := a.Write(2, []byte("again")); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
				if e := b.last(0); e.Kind != bearer.LinkData || string(e.PDU) != "again" {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}

// TestDisconnectThatIsKept resets a controller that does not report the end of
// a connection.
func TestDisconnectThatIsKept(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		join(t, a, b, 1)
		// The event mask suppresses the report.
		if _, err := a.controller.Do(t.Context(), packet.SetEventMask(packet.EventMaskLEMeta)); err != nil {
			t.Fatal(err)
		}
		a.Disconnect(1)
		time.Sleep(6 * time.Second)
		if e := a.last(1); e.Kind != bearer.LinkClosed {
			t.Errorf("%v, %v", a.of(1), e.Err)
		}
		if n := a.controller.Stats(); n.Resets != 1 {
			t.Errorf("stats %+v", n)
		}
		join(t, a, b, 2)
	})
}

// TestRecovers connects again after a reset of the controller.
func TestRecovers(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		for id := range bearer.LinkID(3) {
			join(t, a, b, id+1)
			a.virtual.HardwareError(1)
			b.virtual.HardwareError(1)
			time.Sleep(15 * time.Second)
		}
	})
}

// TestStrangersLeaveRoom checks that peers can make no more than half of the
// links, even if they hold them silently.
func TestStrangersLeaveRoom(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a := newBox(t, air, virtual.Options{Address: address1(1)}, Config{Links: 4})
		b := newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		a.offer(bearer.ProxyService, "a")
		to := b.find("a")
		var silent []*controller.Controller
		for n := range 3 {
			c, err := air.Attach(virtual.Options{Address: address1(10 + n)})
			if err != nil {
				t.Fatal(err)
			}
			silent = append(silent, controller.New(controller.Config{
				Open: func(context.Context) (transport.Transport, error) { return c.Transport(), nil },
			}))
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = silent[n].Run(ctx)
			}()
			t.Cleanup(func() {
				cancel()
				<-ended
			})
			_, peer := address(to)
			cmd := packet.CreateConnection{Interval: 30 * ms, Window: 30 * ms, Peer: peer, PeerType: packet.AddressRandom, Connection: parameters}.Extended()
			if _, err := silent[n].Do(t.Context(), cmd); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := air.Stats().Connections; n != 2 {
			t.Errorf("%d strangers have connected", n)
		}
		join(t, a, b, 1)
		time.Sleep(DefaultDeadline)
		if n := a.Stats(); n.Failed < 2 {
			t.Errorf("they stay: %+v", n)
		}
	})
}

// TestMuteStrangersLetAPeerIn: six strangers connect again and again and never
// subscribe. A peer that does is let in soon, and stays.
func TestMuteStrangersLetAPeerIn(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a := newBox(t, air, virtual.Options{Address: address1(1), Connections: 8}, Config{Links: 8})
		b := newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		a.offer(bearer.ProxyService, "a")
		b.find("a")
		for n := range 6 {
			c, err := air.Attach(virtual.Options{Address: address1(10 + n)})
			if err != nil {
				t.Fatal(err)
			}
			mute := controller.New(controller.Config{
				Open: func(context.Context) (transport.Transport, error) { return c.Transport(), nil },
			})
			ctx, cancel := context.WithCancel(context.Background())
			var ended sync.WaitGroup
			ended.Go(func() { _ = mute.Run(ctx) })
			ended.Go(func() {
				for ctx.Err() == nil {
					_, peer := address(b.latest("a")) // each time the radio advertises again it has another address
					cmd := packet.CreateConnection{Interval: 30 * ms, Window: 30 * ms, Peer: peer, PeerType: packet.AddressRandom, Connection: parameters}.Extended()
					_, _ = mute.Do(ctx, packet.LECreateConnectionCancel())
					_, _ = mute.Do(ctx, cmd) // it is refused without an end of the attempt before
					time.Sleep(300 * ms)
				}
			})
			t.Cleanup(func() {
				cancel()
				ended.Wait()
			})
		}
		time.Sleep(3 * time.Second)
		if n := air.Stats().Connections; n < 4 {
			t.Fatalf("only %d strangers have connected", n)
		}
		began := time.Now()
		id := bearer.LinkID(0)
		for b.last(id).Kind != bearer.LinkOpened || id == 0 {
			id++
			b.Connect(id, 0, b.latest("a"), bearer.ProxyService)
			for until := time.Now().Add(2 * time.Second); len(b.of(id)) == 0; time.Sleep(100 * ms) {
				if time.Now().After(until) {
					b.Disconnect(id) // the address has changed
				}
			}
			if time.Since(began) > 12*time.Second { // before the deadline of those that came first
				t.Fatalf("the peer does not get in: %+v", a.Stats())
			}
		}
		t.Logf("the peer was in after %s and %d attempts", time.Since(began), id)
		time.Sleep(time.Minute)
		if b.last(id).Kind == bearer.LinkClosed {
			t.Errorf("the peer was disconnected: %v", b.last(id).Err)
		}
		if n := a.Stats(); n.Evicted == 0 {
			t.Errorf("no stranger was counted: %+v", n)
		}
	})
}

// TestHostileController sends impossible events, and the radio continues.
func TestHostileController(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		other := join(t, a, b, 1)
		complete := []byte{4, 0x3e, 19, 1, 0, 0x23, 1, 1, 0, 1, 2, 3, 4, 5, 6, 40, 0, 0, 0, 200, 0, 0}
		for range 100 {
			a.virtual.Inject(complete) // a peer connects although nothing is advertised
			complete[7] = 0            // an unexpected outcome of an attempt
			a.virtual.Inject(complete)
			a.virtual.Inject([]byte{4, 5, 4, 0, 0x77, 0, 8})    // the end of an unknown connection
			a.virtual.Inject([]byte{4, 0x13, 5, 1, 9, 0, 9, 9}) // data of an unknown connection
			a.virtual.Inject([]byte{4, 0x3e, 1, 1})
			a.virtual.Inject([]byte{4, 0x3e, 3, 3, 0, 0x40})
			a.virtual.Inject([]byte{4, 5, 1, 0})
			a.virtual.Inject([]byte{2, 0x77, 0x20, 1, 0, 0})
			a.virtual.Inject([]byte{2, 0x77, 0xe0, 1, 0, 0})
			time.Sleep(10 * ms)
		}
		time.Sleep(time.Second)
		if err := b.Write(other, []byte("alive")); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if e := a.last(1); e.Kind != bearer.LinkData || string(e.PDU) != "alive" {
			t.Errorf("%v, %v", a.of(1), e.Err)
		}
		if n := a.controller.Stats(); n.Resets != 0 || n.Malformed == 0 {
			t.Errorf("stats %+v", n)
		}
		if n := a.Stats(); n.Unexpected == 0 {
			t.Errorf("stats %+v", n)
		}
	})
}
