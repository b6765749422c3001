package beacon_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// TestVectors runs the entries of beacons.json that are mesh beacons (section
// 8.4) or that test whether a beacon is accepted (section 3.11.5).
func TestVectors(t *testing.T) {
	for _, v := range vectors.Beacons(t) {
		switch v.Kind {
		case "provisioning_service_data", "proxy_service_data", "proxy_pdu_sar", "proxy_pdu_reassembly":
			continue // mesh/proxy tests them
		}
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) { check(t, &v) })
	}
}

func check(t *testing.T, v *vectors.BeaconEntry) {
	same := func(got []byte) {
		t.Helper()
		if !bytes.Equal(got, v.Outputs.Beacon) {
			t.Errorf("beacon %x, want %x", got, v.Outputs.Beacon)
		}
	}
	in := v.Inputs
	switch v.Kind {
	case "unprovisioned_device_beacon":
		want := beacon.Unprovisioned{UUID: mesh.UUID(in.DeviceUUID), OOB: beacon.OOB(number(in.OOBInformation))}
		if in.URIData != nil {
			want.HasURI, want.URIHash = true, beacon.URIHash(in.URIData)
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
		if _, err := beacon.NewKeys(crypto.Key(in.NetKey)).OpenPrivate(in.Beacon); errors.Is(err, beacon.ErrForged) == *v.Outputs.Accepted {
			t.Errorf("error %v, accepted should be %v", err, *v.Outputs.Accepted)
		}
	case "iv_update_acceptance":
		received, err := beacon.NewKeys(crypto.Key(in.NetKey)).OpenSecure(in.Beacon)
		if err != nil {
			t.Fatal(err)
		}
		current := beacon.State{IVUpdate: in.CurrentIVUpdateInProgress, IVIndex: mesh.IVIndex(in.CurrentIVIndex)}
		decision := beacon.Decide(current, received, beacon.IVConditions{
			Elapsed: elapsed(t, in.HoursSinceLastTransition), Recovered: in.IVRecoveryActive, TestMode: in.IVTestMode, FarRecovery: in.RecoveryOver42Allowed,
		})
		if (decision != beacon.Ignore) != *v.Outputs.Accepted {
			t.Errorf("decision %v, accepted should be %v", decision, *v.Outputs.Accepted)
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

func state(flags, iv vectors.Hex) beacon.State {
	return beacon.State{KeyRefresh: flags[0]&1 != 0, IVUpdate: flags[0]&2 != 0, IVIndex: mesh.IVIndex(number(iv))}
}

func number(o vectors.Hex) (v uint32) {
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
