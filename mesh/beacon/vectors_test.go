package beacon_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// octets are hexadecimal in the vector files.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// vector is an entry of beacons.json.
type vector struct {
	Name, Kind string
	Inputs     struct {
		DeviceUUID octets `json:"device_uuid"`
		OOB        octets `json:"oob_information"`
		URI        octets `json:"uri_data"`
		NetKey     octets `json:"net_key"`
		Flags      octets
		IVIndex    octets `json:"iv_index"`
		Random     octets
		Beacon     octets

		CurrentIV   uint32 `json:"current_iv_index"`
		Updating    bool   `json:"current_iv_update_in_progress"`
		Hours       any    `json:"hours_since_last_transition"`
		Recovered   bool   `json:"iv_recovery_active"`
		TestMode    bool   `json:"iv_test_mode"`
		FarRecovery bool   `json:"recovery_over_42_allowed"`
	}
	Outputs struct {
		Beacon    octets
		NetworkID octets `json:"network_id"`
		Accepted  bool
	}
}

// TestVectors runs the entries of beacons.json that are mesh beacons (section
// 8.4) or that test whether a beacon is accepted (section 3.11.5).
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../test/vectors/beacons.json")
	if err != nil {
		t.Fatal(err)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(text, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Fatal("no vectors")
	}
	for _, e := range entries {
		var head struct{ Name, Kind string }
		if err := json.Unmarshal(e, &head); err != nil {
			t.Fatal(err)
		}
		switch head.Kind {
		case "provisioning_service_data", "proxy_service_data", "proxy_pdu_sar", "proxy_pdu_reassembly":
			continue // mesh/proxy tests them
		}
		t.Run(head.Kind+"/"+head.Name, func(t *testing.T) {
			var v vector
			if err := json.Unmarshal(e, &v); err != nil {
				t.Fatal(err)
			}
			check(t, v)
		})
	}
}

func check(t *testing.T, v vector) {
	same := func(got []byte) {
		t.Helper()
		if !bytes.Equal(got, v.Outputs.Beacon) {
			t.Errorf("beacon %x, want %x", got, v.Outputs.Beacon)
		}
	}
	in := v.Inputs
	switch v.Kind {
	case "unprovisioned_device_beacon":
		want := beacon.Unprovisioned{UUID: mesh.UUID(in.DeviceUUID), OOB: beacon.OOB(number(in.OOB))}
		if in.URI != nil {
			want.HasURI, want.URIHash = true, beacon.URIHash(in.URI)
		}
		same(want.Append(nil))
		got, err := beacon.ParseUnprovisioned(v.Outputs.Beacon)
		if err != nil || got != want {
			t.Errorf("parsed %+v, %v, want %+v", got, err, want)
		}
	case "secure_network_beacon":
		keys := beacon.NewKeys(crypto.Key(in.NetKey))
		if id := keys.NetworkID(); !bytes.Equal(id[:], v.Outputs.NetworkID) {
			t.Errorf("network ID %x, want %x", id, v.Outputs.NetworkID)
		}
		same(keys.AppendSecure(nil, state(in.Flags, in.IVIndex)))
		got, err := keys.OpenSecure(v.Outputs.Beacon)
		expect(t, got, err, state(in.Flags, in.IVIndex))
	case "mesh_private_beacon":
		keys := beacon.NewKeys(crypto.Key(in.NetKey))
		same(keys.AppendPrivate(nil, state(in.Flags, in.IVIndex), [13]byte(in.Random)))
		got, err := keys.OpenPrivate(v.Outputs.Beacon)
		expect(t, got, err, state(in.Flags, in.IVIndex))
	case "mesh_private_beacon_rejected":
		if _, err := beacon.NewKeys(crypto.Key(in.NetKey)).OpenPrivate(in.Beacon); errors.Is(err, beacon.ErrForged) == v.Outputs.Accepted {
			t.Errorf("error %v, accepted should be %v", err, v.Outputs.Accepted)
		}
	case "iv_update_acceptance":
		received, err := beacon.NewKeys(crypto.Key(in.NetKey)).OpenSecure(in.Beacon)
		if err != nil {
			t.Fatal(err)
		}
		current := beacon.State{IVUpdate: in.Updating, IVIndex: mesh.IVIndex(in.CurrentIV)}
		decision := beacon.Decide(current, received, beacon.IVConditions{
			Elapsed: elapsed(t, in.Hours), Recovered: in.Recovered, TestMode: in.TestMode, FarRecovery: in.FarRecovery,
		})
		if (decision != beacon.Ignore) != v.Outputs.Accepted {
			t.Errorf("decision %v, accepted should be %v", decision, v.Outputs.Accepted)
		}
	default:
		t.Errorf("kind %q has no test here; add one, or a skip that names the package that tests it", v.Kind)
	}
}

func expect(t *testing.T, got beacon.State, err error, want beacon.State) {
	t.Helper()
	if err != nil || got != want {
		t.Errorf("opened %+v, %v, want %+v", got, err, want)
	}
}

func state(flags, iv octets) beacon.State {
	return beacon.State{KeyRefresh: flags[0]&1 != 0, IVUpdate: flags[0]&2 != 0, IVIndex: mesh.IVIndex(number(iv))}
}

func number(o octets) (v uint32) {
	for _, b := range o {
		v = v<<8 | uint32(b)
	}
	return v
}

// elapsed parses 96, "96 h" or "96 h minus 10 s".
func elapsed(t *testing.T, v any) time.Duration {
	t.Helper()
	text := fmt.Sprint(v)
	var hours, seconds int
	if _, err := fmt.Sscanf(text, "%d", &hours); err != nil {
		t.Fatalf("hours %q: %v", text, err)
	}
	if strings.Contains(text, "minus") {
		if _, err := fmt.Sscanf(text, "%d h minus %d s", &hours, &seconds); err != nil {
			t.Fatalf("hours %q: %v", text, err)
		}
	}
	return time.Duration(hours)*time.Hour - time.Duration(seconds)*time.Second
}
