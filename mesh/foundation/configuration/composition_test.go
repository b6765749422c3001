package configuration_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
)

// The sample data of section 4.2.2.1.
const sampleComposition = "0c001a0001000800030000010501000000800100001003103f002a00"

func TestComposition(t *testing.T) {
	c, err := configuration.ParseComposition(messagetest.Octets(t, sampleComposition))
	if err != nil {
		t.Fatal(err)
	}
	if c.CompanyID != 0x000C || c.ProductID != 0x001A || c.VersionID != 1 || c.CRPL != 8 ||
		c.Features != configuration.FeatureRelay|configuration.FeatureProxy || len(c.Elements) != 1 {
		t.Fatalf("%+v", c)
	}
	expected := []mesh.ModelID{
		foundation.ConfigurationServerID, mesh.SIGModel(0x8000), mesh.SIGModel(0x0001), mesh.SIGModel(0x1000), mesh.SIGModel(0x1003),
		mesh.VendorModel(0x003F, 0x002A),
	}
	if e := c.Elements[0]; e.Location != 0x0100 || !slices.Equal(e.Models, expected) {
		t.Errorf("%+v", e)
	}
}

func TestCompositionRefusesWrongLengths(t *testing.T) {
	whole := messagetest.Octets(t, sampleComposition)
	for n := range whole {
		if c, err := configuration.ParseComposition(whole[:n]); !errors.Is(err, configuration.ErrComposition) {
			t.Errorf("%d octets were decoded as %+v, %v", n, c, err)
		}
	}
	for n := 1; n < 4; n++ {
		if c, err := configuration.ParseComposition(append(bytes.Clone(whole), make([]byte, n)...)); !errors.Is(err, configuration.ErrComposition) {
			t.Errorf("%d extra octets were decoded as %+v, %v", n, c, err)
		}
	}
}

func TestCompositionRefusesInvalidContent(t *testing.T) {
	many := configuration.CompositionElement{Models: make([]mesh.ModelID, 256)}
	for name, c := range map[string]*configuration.Composition{
		"no element":        {},
		"256 vendor models": {Elements: []configuration.CompositionElement{many}},
	} {
		if out, err := c.Append([]byte{1}); !errors.Is(err, configuration.ErrComposition) || !bytes.Equal(out, []byte{1}) {
			t.Errorf("%s was encoded as %x, %v", name, out, err)
		}
	}
	if _, err := (&configuration.CompositionDataStatus{Page: 1, Data: messagetest.Octets(t, sampleComposition)}).Composition(); !errors.Is(err, configuration.ErrComposition) {
		t.Errorf("page 1 read as page 0: got %v", err)
	}
	reserved := messagetest.Octets(t, "0c001a00010008000300"+"00000001"+"ffff0100")
	if c, err := configuration.ParseComposition(reserved); !errors.Is(err, configuration.ErrComposition) {
		t.Errorf("company ffff was decoded as %+v, %v", c, err)
	}
}

func TestCompositionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c configuration.Composition
		for range rapid.IntRange(1, 4).Draw(t, "elements") {
			e := configuration.CompositionElement{Location: rapid.Uint16().Draw(t, "location")}
			for range rapid.IntRange(0, 5).Draw(t, "models") {
				e.Models = append(e.Models, mesh.SIGModel(rapid.Uint16().Draw(t, "model")))
			}
			for range rapid.IntRange(0, 3).Draw(t, "vendor models") {
				e.Models = append(e.Models, mesh.VendorModel(mesh.CompanyID(rapid.Uint16Max(0xFFFE).Draw(t, "company")), rapid.Uint16().Draw(t, "model")))
			}
			c.Elements = append(c.Elements, e)
		}
		raw, err := c.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := configuration.ParseComposition(raw)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Elements {
			if !slices.Equal(c.Elements[i].Models, again.Elements[i].Models) || c.Elements[i].Location != again.Elements[i].Location {
				t.Fatalf("%+v became %+v", c, again)
			}
		}
	})
}

func FuzzParseComposition(f *testing.F) {
	f.Add(messagetest.Octets(f, sampleComposition))
	f.Add(messagetest.Octets(f, "0034127856cdab05000a000601020100000100785634120801000221436587aabbccdd")[1:])
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := configuration.ParseComposition(data)
		if err != nil {
			return
		}
		if out, err := c.Append(nil); err != nil || !bytes.Equal(out, data) {
			t.Fatalf("%x became %x, %v", data, out, err)
		}
	})
}
