package directed_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/directed"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// samples are the control messages of directed forwarding.
func samples(t testing.TB) []vectors.MessageEntry {
	t.Helper()
	ours := slices.DeleteFunc(vectors.Messages(t), func(v vectors.MessageEntry) bool {
		return v.Kind != "control" || !strings.HasPrefix(v.Name, "directed forwarding ")
	})
	if len(ours) != 10 {
		t.Fatalf("expected 10 control messages of directed forwarding, got %d", len(ours))
	}
	return ours
}

// fields is a message with the field names of the vectors.
func fields(m directed.Message) map[string]any {
	bit := map[bool]int{true: 1}
	all := map[string]any{}
	node := func(name string, r directed.Range) {
		all[name+"_primary"], all[name+"_range_length"] = r.Start, r.Length
	}
	switch m := m.(type) {
	case *directed.PathRequest:
		all["on_behalf_of_dependent_origin"] = bit[m.HasDependent]
		all["path_origin_path_metric_type"] = m.MetricType
		all["path_origin_path_lifetime"] = m.Lifetime
		all["path_discovery_interval"] = m.DiscoveryInterval
		all["path_origin_forwarding_number"] = m.ForwardingNumber
		all["path_origin_path_metric"] = m.Metric
		all["destination"] = m.Destination
		node("path_origin", m.Origin)
		node("dependent_origin", m.DependentOrigin)
	case *directed.PathReply:
		all["unicast_destination"] = bit[m.HasTarget]
		all["on_behalf_of_dependent_target"] = bit[m.HasDependent]
		all["confirmation_request"] = bit[m.ConfirmationRequest]
		all["path_origin"] = m.Origin
		all["path_origin_forwarding_number"] = m.ForwardingNumber
		node("path_target", m.Target)
		node("dependent_target", m.DependentTarget)
	case *directed.PathConfirmation:
		all["path_origin"], all["path_target"] = m.Origin, m.Target
	case *directed.PathEchoReply:
		all["destination"] = m.Destination
	case *directed.DependentNodeUpdate:
		all["type"], all["path_endpoint"] = bit[m.Add], m.Endpoint
		node("dependent_node", m.Dependent)
	case *directed.PathRequestSolicitation:
		all["address_list"] = m.Addresses
	}
	return all
}

func number(t *testing.T, v any) uint64 {
	t.Helper()
	switch v := v.(type) {
	case float64:
		return uint64(v)
	case string:
		n, err := strconv.ParseUint(v, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Fatalf("not a number: %v", v)
	return 0
}

func TestVectors(t *testing.T) {
	for _, v := range samples(t) {
		t.Run(v.Name, func(t *testing.T) {
			op, params := uint8(v.TransportOpcode), []byte(v.UpperTransportPDU)
			m, err := directed.Parse(op, params)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Append(nil); err != nil || !bytes.Equal(got, params) || m.Opcode() != op {
				t.Errorf("got %x, %v, want %x", got, err, params)
			}
			ours := fields(m)
			for _, f := range v.Fields {
				got, ok := ours[f.Name]
				if !ok {
					t.Errorf("no field %s", f.Name)
					continue
				}
				if list, ok := got.([]mesh.Address); ok {
					for i, want := range f.Value.([]any) {
						if uint64(list[i]) != number(t, want) {
							t.Errorf("%s: %v, want %v", f.Name, list, f.Value)
						}
					}
					continue
				}
				value := reflect.ValueOf(got)
				if got := value.Convert(reflect.TypeFor[uint64]()).Uint(); got != number(t, f.Value) {
					t.Errorf("%s: %d, want %v", f.Name, got, f.Value)
				}
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct {
		op     uint8
		params string
	}{
		{directed.OpPathRequest, ""},
		{directed.OpPathRequest, "0a0c0000000405"},
		{directed.OpPathRequest, "0a0c0006078405"},
		{directed.OpPathRequest, "0a0c000607840501"},
		{directed.OpPathRequest, "0a0c000607ffff02"},
		{directed.OpPathRequest, "8a0c0006070405"},
		{directed.OpPathRequest, "0a0c000607040500"},
		{directed.OpPathReply, "4004050c"},
		{directed.OpPathReply, "80c0050c0607"},
		{directed.OpPathConfirmation, "0405c000"},
		{directed.OpPathEchoRequest, "00"},
		{directed.OpPathEchoReply, "0000"},
		{directed.OpDependentNodeUpdate, "8000000abc"},
		{directed.OpPathRequestSolicitation, ""},
		{directed.OpPathRequestSolicitation, "c00001"},
	} {
		params, err := hex.DecodeString(c.params)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := directed.Parse(c.op, params); !errors.Is(err, directed.ErrMalformed) {
			t.Errorf("0x%02x %s: %+v, %v", c.op, c.params, m, err)
		}
	}
	if _, err := directed.Parse(0x0A, nil); !errors.Is(err, directed.ErrUnknown) {
		t.Errorf("a heartbeat: %v", err)
	}
	for _, m := range []directed.Message{
		&directed.PathRequest{MetricType: 8, Destination: 1, Origin: directed.Range{Start: 1, Length: 1}},
		&directed.PathRequest{Destination: 1},
		&directed.PathReply{Origin: 1, HasDependent: true},
		&directed.PathReply{},
		&directed.PathConfirmation{Origin: 1},
		&directed.PathEchoReply{},
		&directed.DependentNodeUpdate{Dependent: directed.Range{Start: 1, Length: 1}},
		&directed.DependentNodeUpdate{Endpoint: 1, Dependent: directed.Range{Start: 0x7FFF, Length: 2}},
		&directed.PathRequestSolicitation{},
	} {
		if got, err := m.Append([]byte{9}); !errors.Is(err, directed.ErrMalformed) || !bytes.Equal(got, []byte{9}) {
			t.Errorf("%+v: %x, %v", m, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range samples(f) {
		f.Add(uint8(v.TransportOpcode), []byte(v.UpperTransportPDU))
	}
	f.Fuzz(func(t *testing.T, op uint8, params []byte) {
		m, err := directed.Parse(op, params)
		if err != nil {
			return
		}
		out, err := m.Append(nil)
		if err != nil {
			t.Fatalf("%x decodes as %+v and does not encode: %v", params, m, err)
		}
		again, err := directed.Parse(op, out)
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}
