package opcodesaggregator_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
)

func TestOctets(t *testing.T) {
	long := bytes.Repeat([]byte{0xAB}, 0x80)
	messagetest.Samples(t, []messagetest.Sample{
		{&opcodesaggregator.Sequence{ElementAddress: 0x0102, Items: [][]byte{{0x80, 0x09}, long}}, "80720201" + "04" + "8009" + "0101" + fmt.Sprintf("%x", long)},
		{&opcodesaggregator.Status{Status: opcodesaggregator.WrongOpcode, ElementAddress: 1, Items: [][]byte{nil, {0x80, 0x0B, 0x01}}}, "8073030100" + "00" + "06" + "800b01"},
	})
	messagetest.Refusals(t, []messagetest.Refusal{
		{new(opcodesaggregator.Sequence), "00c0"},
	})
}
