package blob_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// A client that sends blocks, chunk sizes and chunks of every size and number, in any
// order, makes the server write nothing outside the object. It is then ready for an
// honest client.
func TestHostileBlobClient(t *testing.T) {
	const size = 5000
	random := rand.New(rand.NewPCG(5, 6))
	extremes := []uint16{0, 1, 2, 63, 64, 78, 255, 256, 375, 376, 377, 0x7FFF, 0x8000, 0xFFFF}
	number := func() uint16 {
		if random.IntN(2) == 0 {
			return extremes[random.IntN(len(extremes))]
		}
		return uint16(random.Uint32())
	}
	for range 200 {
		l := newLink(t, blob.DefaultLimits(size), 0)
		kept := &sink{data: make([]byte, size)}
		l.server.Expect(l.Time, id, mesh.DefaultTTL, 0, kept)
		for range 100 {
			var m access.Message
			switch random.IntN(5) {
			case 0:
				m = &blob.TransferStart{
					Mode: blob.Mode(random.IntN(4)), BLOBID: id, BLOBSize: []uint32{0, 1, size, size + 1, 1<<32 - 1}[random.IntN(5)],
					BlockSizeLog: []uint8{0, 5, 6, 8, 12, 13, 31, 32, 255}[random.IntN(9)], ClientMTUSize: number(),
				}
			case 1:
				m = &blob.BlockStart{BlockNumber: number(), ChunkSize: number()}
			case 2:
				m = &blob.ChunkTransfer{ChunkNumber: number(), ChunkData: make([]byte, random.IntN(377))}
			case 3:
				m = &blob.BlockGet{}
			default:
				m = &blob.TransferGet{}
			}
			payload, err := access.Append(nil, m)
			if err != nil {
				continue // it cannot be sent
			}
			if _, _, err := access.ParseOpcode(payload); err != nil {
				t.Fatal(err)
			}
			l.Send(m)
		}
		// An honest client.
		data := object(size)
		fresh := &sink{data: make([]byte, size)}
		l.server.Expect(l.Time, id+1, mesh.DefaultTTL, 0, fresh)
		c := blob.NewClient(blob.Object{ID: id + 1, Data: bytes.NewReader(data), Size: size}, blob.ClientOptions{})
		if l.run(c); c.Err() != nil || !bytes.Equal(fresh.data, data) {
			t.Fatalf("an honest client: %v", c.Err())
		}
	}
}

// A server that announces any limits and reports anything makes the client give up in a
// bounded number of steps, and send nothing that does not fit into a message.
func TestHostileBlobServer(t *testing.T) {
	const size, most = 20000, 100000
	random := rand.New(rand.NewPCG(7, 8))
	data := object(size)
	numbers := []uint16{0, 1, 2, 7, 8, 64, 255, 256, 376, 1000, 0x7FFF, 0xFFFF}
	number := func() uint16 { return numbers[random.IntN(len(numbers))] }
	given := 0
	for range 500 {
		friendly := random.IntN(4) > 0 // its limits can be met, so that the rest is reached
		answer := func(op mesh.Opcode) access.Message {
			switch op {
			case blob.OpInformationStatus:
				m := &blob.InformationStatus{
					MinBlockSizeLog: uint8(number()), MaxBlockSizeLog: uint8(number()), MaxTotalChunks: number(), MaxChunkSize: number(),
					MaxBLOBSize: 1<<32 - 1, ServerMTUSize: number(), PushMode: random.IntN(2) > 0, PullMode: random.IntN(2) > 0,
				}
				if friendly {
					m.MinBlockSizeLog, m.MaxBlockSizeLog, m.MaxTotalChunks, m.MaxChunkSize, m.ServerMTUSize, m.PushMode = 6, 12, 1000, 1+number()%376, 380, true
				}
				return m
			case blob.OpTransferStatus:
				missing := make(blob.Bits, random.IntN(64))
				for i := range missing {
					missing[i] = byte(random.Uint32())
				}
				return &blob.TransferStatus{
					Phase: blob.Phase(random.IntN(7)), HasBLOBID: true, BLOBID: id, HasTransfer: random.IntN(8) > 0, BLOBSize: size, BlockSizeLog: 6,
					BlocksNotReceived: missing,
				}
			default:
				missing := make(blob.Bits, random.IntN(32))
				for i := range missing {
					missing[i] = byte(random.Uint32())
				}
				return &blob.BlockStatus{
					Format: blob.Format(random.IntN(4)), BlockNumber: []uint16{0, 1, number()}[random.IntN(3)], ChunkSize: number(),
					MissingChunks: missing, EncodedMissingChunks: []uint16{number(), number(), 0},
				}
			}
		}
		now := time.Unix(0, 0)
		c := blob.NewClient(blob.Object{ID: id, Data: bytes.NewReader(data), Size: size}, blob.ClientOptions{})
		steps := 0
		for ; !c.Done(); steps++ {
			if steps > most {
				t.Fatal("the transfer does not end")
			}
			a, ok := c.Next(now)
			if !ok {
				now = now.Add(time.Second)
				continue
			}
			payload, err := access.Append(nil, a.Message)
			if err != nil || len(payload) > access.MaxPayload {
				t.Fatalf("%+v: %d octets, %v", a.Message, len(payload), err)
			}
			if a.Respond == 0 {
				c.Answer(now, nil, nil)
				continue
			}
			c.Answer(now, answer(a.Respond), nil)
		}
		if c.Err() != nil {
			given++
		}
	}
	t.Logf("%d of 500 transfers were given up", given)
}
