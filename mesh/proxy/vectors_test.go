package proxy_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// octets are hexadecimal in the vector files.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

type vector struct {
	Name, Kind string
	Inputs     struct {
		Type    octets `json:"message_type"`
		Message octets
		Room    int      `json:"max_proxy_pdu_octets"`
		PDUs    []octets `json:"proxy_pdus"`

		NetKey  octets `json:"net_key"`
		ID      octets `json:"identification_type"`
		Random  octets
		Address octets

		UUID octets `json:"device_uuid"`
		OOB  octets `json:"oob_information"`
	}
	Outputs struct {
		PDUs        []octets `json:"proxy_pdus"`
		Type        octets   `json:"message_type"`
		Message     octets
		Accepted    *bool
		ServiceData octets `json:"service_data"`
		Device      octets `json:"service_data_ad_structure_with_oob_big_endian"`
	}

	// From messages.json.
	Opcode      octets   `json:"proxy_opcode"`
	Parameters  octets   `json:"proxy_parameters"`
	ServiceData octets   `json:"service_data"`
	PDUs        []octets `json:"network_pdus"`
	ProxyPDU    octets   `json:"proxy_pdu"`
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestVectors runs the entries for this package of the specification's sample
// data (sections 8.5, 8.6, 8.8, 8.9 and 8.15) and of libraries' tests.
func TestVectors(t *testing.T) {
	ran := map[string]int{}
	for file, kinds := range map[string]map[string]func(*testing.T, vector){
		"beacons.json": {
			"proxy_pdu_sar":             checkSplit,
			"proxy_pdu_reassembly":      checkReassembly,
			"proxy_service_data":        checkServiceData,
			"provisioning_service_data": checkDevice,
		},
		"messages.json": {
			"proxy_configuration": checkConfiguration,
			"solicitation":        checkSolicitation,
		},
	} {
		text, err := os.ReadFile("../../test/vectors/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var entries []json.RawMessage // those of other kinds have other fields
		if err := json.Unmarshal(text, &entries); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			var head struct{ Name, Kind string }
			if err := json.Unmarshal(e, &head); err != nil {
				t.Fatal(err)
			}
			check := kinds[head.Kind]
			if check == nil {
				continue
			}
			ran[head.Kind]++
			t.Run(head.Kind+"/"+head.Name, func(t *testing.T) {
				var v vector
				if err := json.Unmarshal(e, &v); err != nil {
					t.Fatal(err)
				}
				check(t, v)
			})
		}
	}
	want := map[string]int{
		"proxy_pdu_sar": 6, "proxy_pdu_reassembly": 3, "proxy_service_data": 4, "provisioning_service_data": 1,
		"proxy_configuration": 3, "solicitation": 1,
	}
	if !reflect.DeepEqual(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
}

func checkSplit(t *testing.T, v vector) {
	kind := proxy.MessageType(v.Inputs.Type[0])
	got := proxy.Split(nil, kind, v.Inputs.Message, v.Inputs.Room)
	if len(got) != len(v.Outputs.PDUs) {
		t.Fatalf("%d Proxy PDUs, want %d", len(got), len(v.Outputs.PDUs))
	}
	for i := range got {
		if !bytes.Equal(got[i], v.Outputs.PDUs[i]) {
			t.Errorf("PDU %d: %x, want %x", i, got[i], v.Outputs.PDUs[i])
		}
	}
	var r proxy.Reassembly
	for i := range got {
		k, message, complete := r.Receive(start, v.Outputs.PDUs[i])
		if complete != (i == len(got)-1) || complete && (k != kind || !bytes.Equal(message, v.Inputs.Message)) {
			t.Errorf("PDU %d: %v %x %t", i, k, message, complete)
		}
	}
}

func checkReassembly(t *testing.T, v vector) {
	var r proxy.Reassembly
	accepted := false
	for _, pdu := range v.Inputs.PDUs {
		if kind, message, complete := r.Receive(start, pdu); complete {
			accepted = true
			if byte(kind) != v.Outputs.Type[0] || !bytes.Equal(message, v.Outputs.Message) {
				t.Errorf("%v %x", kind, message)
			}
		}
	}
	if want := v.Outputs.Accepted == nil || *v.Outputs.Accepted; accepted != want {
		t.Errorf("accepted %t, want %t", accepted, want)
	}
	if r.Faults() != 1 {
		t.Errorf("%d faults, each entry has one", r.Faults())
	}
}

func checkServiceData(t *testing.T, v vector) {
	i := proxy.NewIdentity(crypto.Key(v.Inputs.NetKey))
	kind := proxy.Identification(v.Inputs.ID[0])
	var random [8]byte
	copy(random[:], v.Inputs.Random)
	var node mesh.Address
	if v.Inputs.Address != nil {
		node = mesh.Address(binary.BigEndian.Uint16(v.Inputs.Address))
	}
	data := i.ServiceData(kind, random, node)
	if !bytes.Equal(data, v.Outputs.ServiceData) {
		t.Errorf("%x, want %x", data, v.Outputs.ServiceData)
	}
	if got, ok := proxy.TypeOf(data); !ok || got != kind {
		t.Errorf("type %v, %t", got, ok)
	}
	if i.IsNetwork(data) == kind.IsNode() || i.IsNode(data, node) != kind.IsNode() {
		t.Error("it is not recognized")
	}
	other := proxy.NewIdentity(crypto.Key{1})
	if other.IsNetwork(data) || other.IsNode(data, node) || i.IsNode(data, node+1) {
		t.Error("it is recognized as something else")
	}
}

func checkDevice(t *testing.T, v vector) {
	const head = 4 // length, type, UUID of the service
	oob := beacon.OOB(binary.BigEndian.Uint16(v.Inputs.OOB))
	data := proxy.DeviceServiceData(mesh.UUID(v.Inputs.UUID), oob)
	if !bytes.Equal(data, v.Outputs.Device[head:]) {
		t.Errorf("%x, want %x", data, v.Outputs.Device[head:])
	}
	uuid, gotOOB, ok := proxy.ParseDeviceServiceData(v.Outputs.Device[head:])
	if !ok || uuid != mesh.UUID(v.Inputs.UUID) || gotOOB != oob {
		t.Errorf("read %v, %04x, %t", uuid, gotOOB, ok)
	}
}

func checkConfiguration(t *testing.T, v vector) {
	text := append(v.Opcode, v.Parameters...)
	m, err := proxy.ParseMessage(text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[byte]proxy.Message{
		0: proxy.SetFilterType{Type: proxy.AcceptList},
		4: proxy.DirectedProxyCapabilitiesStatus{DirectedProxy: true, UseDirected: true},
		5: proxy.DirectedProxyControl{UseDirected: true, First: 0x0607, Count: 3},
	}[v.Opcode[0]]
	if m != want {
		t.Errorf("%#v, want %#v", m, want)
	}
	if got := m.Append(nil); !bytes.Equal(got, text) {
		t.Errorf("%x, want %x", got, text)
	}
	if got := proxy.Split(nil, proxy.Configuration, v.PDUs[0], len(v.ProxyPDU)); len(got) != 1 || !bytes.Equal(got[0], v.ProxyPDU) {
		t.Errorf("Proxy PDU %x, want %x", got, v.ProxyPDU)
	}
}

func checkSolicitation(t *testing.T, v vector) {
	if data := proxy.SolicitationData(v.PDUs[0]); !bytes.Equal(data, v.ServiceData) {
		t.Errorf("%x, want %x", data, v.ServiceData)
	}
	if pdu, ok := proxy.ParseSolicitationData(v.ServiceData); !ok || !bytes.Equal(pdu, v.PDUs[0]) {
		t.Errorf("%x, %t", pdu, ok)
	}
}
