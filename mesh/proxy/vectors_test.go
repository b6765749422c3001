package proxy_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestVectors runs the entries for this package of the specification's sample
// data (sections 8.5, 8.6, 8.8, 8.9 and 8.15) and of libraries' tests.
func TestVectors(t *testing.T) {
	ran := map[string]int{}
	beacons := map[string]func(*testing.T, *vectors.BeaconEntry){
		"proxy_pdu_sar":             checkSplit,
		"proxy_pdu_reassembly":      checkReassembly,
		"proxy_service_data":        checkServiceData,
		"provisioning_service_data": checkDevice,
	}
	for _, v := range vectors.Beacons(t) {
		if check := beacons[v.Kind]; check != nil {
			ran[v.Kind]++
			t.Run(v.Kind+"/"+v.Name, func(t *testing.T) { check(t, &v) })
		}
	}
	messages := map[string]func(*testing.T, *vectors.MessageEntry){
		"proxy_configuration": checkConfiguration,
		"solicitation":        checkSolicitation,
	}
	for _, v := range vectors.Messages(t) {
		if check := messages[v.Kind]; check != nil {
			ran[v.Kind]++
			t.Run(v.Kind+"/"+v.Name, func(t *testing.T) { check(t, &v) })
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

func checkSplit(t *testing.T, v *vectors.BeaconEntry) {
	kind := proxy.MessageType(v.Inputs.MessageType[0])
	got := proxy.Split(nil, kind, v.Inputs.Message, v.Inputs.MaxProxyPDUOctets)
	if len(got) != len(v.Outputs.ProxyPDUs) {
		t.Fatalf("%d Proxy PDUs, want %d", len(got), len(v.Outputs.ProxyPDUs))
	}
	for i := range got {
		if !bytes.Equal(got[i], v.Outputs.ProxyPDUs[i]) {
			t.Errorf("PDU %d: %x, want %x", i, got[i], v.Outputs.ProxyPDUs[i])
		}
	}
	var r proxy.Reassembly
	for i := range got {
		k, message, complete := r.Receive(start, v.Outputs.ProxyPDUs[i])
		if complete != (i == len(got)-1) || complete && (k != kind || !bytes.Equal(message, v.Inputs.Message)) {
			t.Errorf("PDU %d: %v %x %t", i, k, message, complete)
		}
	}
}

func checkReassembly(t *testing.T, v *vectors.BeaconEntry) {
	var r proxy.Reassembly
	accepted := false
	for _, pdu := range v.Inputs.ProxyPDUs {
		if kind, message, complete := r.Receive(start, pdu); complete {
			accepted = true
			if byte(kind) != v.Outputs.MessageType[0] || !bytes.Equal(message, v.Outputs.Message) {
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

func checkServiceData(t *testing.T, v *vectors.BeaconEntry) {
	i := proxy.NewIdentity(crypto.Key(v.Inputs.NetKey))
	kind := proxy.Identification(v.Inputs.IdentificationType[0])
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

func checkDevice(t *testing.T, v *vectors.BeaconEntry) {
	const head = 4 // length, type, UUID of the service
	oob := beacon.OOB(binary.BigEndian.Uint16(v.Inputs.OOBInformation))
	data := proxy.DeviceServiceData(mesh.UUID(v.Inputs.DeviceUUID), oob)
	if !bytes.Equal(data, v.Outputs.ServiceDataADStructureWithOOBBigEndian[head:]) {
		t.Errorf("%x, want %x", data, v.Outputs.ServiceDataADStructureWithOOBBigEndian[head:])
	}
	uuid, gotOOB, ok := proxy.ParseDeviceServiceData(v.Outputs.ServiceDataADStructureWithOOBBigEndian[head:])
	if !ok || uuid != mesh.UUID(v.Inputs.DeviceUUID) || gotOOB != oob {
		t.Errorf("read %v, %04x, %t", uuid, gotOOB, ok)
	}
}

func checkConfiguration(t *testing.T, v *vectors.MessageEntry) {
	text := slices.Concat(v.ProxyOpcode, v.ProxyParameters)
	m, err := proxy.ParseMessage(text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[byte]proxy.Message{
		0: proxy.SetFilterType{Type: proxy.AcceptList},
		4: proxy.DirectedProxyCapabilitiesStatus{DirectedProxy: true, UseDirected: true},
		5: proxy.DirectedProxyControl{UseDirected: true, First: 0x0607, Count: 3},
	}[v.ProxyOpcode[0]]
	if m != want {
		t.Errorf("%#v, want %#v", m, want)
	}
	if got := m.Append(nil); !bytes.Equal(got, text) {
		t.Errorf("%x, want %x", got, text)
	}
	if got := proxy.Split(nil, proxy.Configuration, v.NetworkPDUs[0], len(v.ProxyPDU)); len(got) != 1 || !bytes.Equal(got[0], v.ProxyPDU) {
		t.Errorf("Proxy PDU %x, want %x", got, v.ProxyPDU)
	}
}

func checkSolicitation(t *testing.T, v *vectors.MessageEntry) {
	if data := proxy.SolicitationData(v.NetworkPDUs[0]); !bytes.Equal(data, v.ServiceData) {
		t.Errorf("%x, want %x", data, v.ServiceData)
	}
	if pdu, ok := proxy.ParseSolicitationData(v.ServiceData); !ok || !bytes.Equal(pdu, v.NetworkPDUs[0]) {
		t.Errorf("%x, %t", pdu, ok)
	}
}
