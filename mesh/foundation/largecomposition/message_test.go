package largecomposition_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/largecomposition"
)

func TestOctets(t *testing.T) {
	messagetest.Samples(t, []messagetest.Sample{
		{&largecomposition.DataGet{Page: 1, Offset: 0x0203}, "8074010302"},
		{&largecomposition.DataStatus{Page: 1, Offset: 2, TotalSize: 0x0104, Data: []byte{9}}, "80750102000401" + "09"},
		{&largecomposition.ModelsMetadataGet{Page: 128}, "8076800000"},
		{&largecomposition.ModelsMetadataStatus{Page: 128, TotalSize: 1, Data: []byte{9}}, "80778000000100" + "09"},
	})
}

// FuzzMetadata decodes octets as a page of the models metadata.
func FuzzMetadata(f *testing.F) {
	f.Add(messagetest.Octets(f, "0016010203020001"+"0200aabb"))
	f.Fuzz(func(t *testing.T, data []byte) {
		messagetest.Pages(t, data, [2]access.Part{new(largecomposition.Metadata), new(largecomposition.Metadata)})
	})
}
