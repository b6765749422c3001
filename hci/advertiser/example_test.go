package advertiser_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// A sniffer receives all mesh PDUs in range, and decrypts those of a network
// whose NetKey it has. This one uses a virtual controller. For a real one use
//
//	spec, err := transport.Parse("hci0")
//
// with spec.Open as the Opener of the controller.
func ExampleBearer_sniffer() {
	netKey := crypto.Key{1, 2, 3}
	receiver := network.NewReceiver(network.Config{})
	receiver.AddSubnet(0, network.Flooding(netKey))
	heard := make(chan string, 1)
	sniff := func(in *bearer.Incoming) {
		var p network.PDU
		if in.Kind == bearer.Message && receiver.Open(in.PDU(), &p) == network.Fresh {
			heard <- fmt.Sprintf("%s to %s, SEQ %d, TTL %d, transport PDU %x", p.Src, p.Dst, p.Seq, p.TTL, p.Transport)
		}
	}
	air := virtual.NewAir(virtual.AirOptions{})
	defer func() { _ = air.Close() }()
	_, stopSniffer := radio(air, 1, sniff)
	defer stopSniffer()

	// A sender repeats a PDU until the sniffer listens.
	sender, stopSender := radio(air, 2, func(*bearer.Incoming) {})
	defer stopSender()
	pdu, err := network.Flooding(netKey).Seal(nil, &network.PDU{Src: 0x0002, Dst: 0xC000, Seq: 7, TTL: 5, Transport: []byte("hello, mesh")})
	if err != nil {
		panic(err)
	}
	if err := sender.Send(bearer.NewOutgoing(bearer.Message, bearer.OwnLane(5), bearer.Transmit{Count: 200, Interval: 20 * time.Millisecond}, pdu)); err != nil {
		panic(err)
	}
	fmt.Println(<-heard) // one line; the others are duplicates
	sender.Cancel(bearer.OwnLane(5))
	// Output:
	// 0x0002 to 0xc000, SEQ 7, TTL 5, transport PDU 68656c6c6f2c206d657368
}

// radio runs a bearer on a virtual controller. It returns when the controller
// is ready. stop ends the bearer and waits for the end.
func radio(air *virtual.Air, number uint64, receive func(*bearer.Incoming)) (b *advertiser.Bearer, stop func()) {
	chip, err := air.Attach(virtual.Options{Address: virtual.MakeAddress(number)})
	if err != nil {
		panic(err)
	}
	running := make(chan struct{})
	b = advertiser.New(advertiser.Config{Receive: receive})
	driver := controller.New(controller.Config{
		Name:  fmt.Sprint("virtual ", number),
		Open:  func(context.Context) (transport.Transport, error) { return chip.Transport(), nil },
		Hosts: []controller.Host{b},
		Status: func(s controller.Status) {
			if s.State == controller.Running {
				close(running) // once: a virtual controller does not fail
			}
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var runs sync.WaitGroup
	runs.Go(func() { _ = driver.Run(ctx) }) // the context's error
	<-running
	return b, func() { cancel(); runs.Wait() }
}
