package largecomposition_test

import (
	"bytes"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/largecomposition"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestLargeServer(t *testing.T) {
	h := hosttest.New()
	h.Node.Elements[1].Models = append(h.Node.Elements[1].Models, make([]state.Model, 250)...)
	for i := range h.Node.Elements[1].Models[2:] {
		h.Node.Elements[1].Models[2+i].ID = mesh.SIGModel(0x2000 + uint16(i))
	}
	config := configuration.NewServer(configuration.Product{CompanyID: 0xFFFF})
	config.Attach(h)
	metadata := largecomposition.Metadata{Elements: []largecomposition.ElementMetadata{{
		SIGModels: []largecomposition.ModelMetadata{{Model: hosttest.OnOff, Entries: []largecomposition.MetadataEntry{{ID: 1, Data: bytes.Repeat([]byte{7}, 600)}}}},
	}}}
	s := largecomposition.NewServer(config, metadata)
	s.Attach(h)
	b := servertest.New(t, s)

	var page []byte
	for parts := 0; ; parts++ {
		m, ok := b.Send(&largecomposition.DataGet{Offset: uint16(len(page))}).(*largecomposition.DataStatus)
		if !ok || parts > 3 {
			t.Fatalf("got %+v after %d parts", m, parts)
		}
		page = append(page, m.Data...)
		if len(page) == int(m.TotalSize) {
			break
		}
	}
	c, err := configuration.ParseComposition(page)
	if err != nil || len(c.Elements) != 2 || len(c.Elements[1].Models) != 252 {
		t.Errorf("%+v, %v", c, err)
	}

	page = page[:0]
	for {
		m, ok := b.Send(&largecomposition.ModelsMetadataGet{Page: 128, Offset: uint16(len(page))}).(*largecomposition.ModelsMetadataStatus)
		if !ok || m.Page != 0 {
			t.Fatalf("%+v", m)
		}
		page = append(page, m.Data...)
		if len(m.Data) == 0 || len(page) == int(m.TotalSize) {
			break
		}
	}
	var again largecomposition.Metadata
	if err := access.DecodePart(page, &again); err != nil || len(again.Elements) != 1 || !bytes.Equal(again.Elements[0].SIGModels[0].Entries[0].Data, metadata.Elements[0].SIGModels[0].Entries[0].Data) {
		t.Errorf("%+v, %v", again, err)
	}
	beyond, ok := b.Send(&largecomposition.ModelsMetadataGet{Offset: 0xFFFF}).(*largecomposition.ModelsMetadataStatus)
	if !ok || len(beyond.Data) != 0 || int(beyond.TotalSize) != len(page) {
		t.Errorf("%+v", beyond)
	}
}
