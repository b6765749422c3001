package bluez

import (
	"encoding/hex"
	"encoding/json"
	"os"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// NodeState is what the daemon has stored of a node.
type NodeState struct {
	IVIndex        mesh.IVIndex
	IVUpdate       bool
	SequenceNumber mesh.SequenceNumber // the next one after a restart
	Net            map[mesh.KeyIndex]StoredKey
	App            map[mesh.KeyIndex]StoredKey
}

// StoredKey is a NetKey or an AppKey. Old is zero but in a Key Refresh.
type StoredKey struct {
	Key, Old crypto.Key
	Phase    int // of a NetKey
}

// NodeState reads it.
func (d *Daemon) NodeState(uuid mesh.UUID) NodeState {
	d.t.Helper()
	type stored struct {
		Index      int
		Key        string
		OldKey     string
		KeyRefresh int
	}
	var file struct {
		IVIndex        uint32 `json:"IVindex"`
		IVUpdate       int    `json:"IVupdate"`
		SequenceNumber uint32
		NetKeys        []stored
		AppKeys        []stored
	}
	octets, err := os.ReadFile(d.NodeFile(uuid))
	if err == nil {
		err = json.Unmarshal(octets, &file)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	keys := func(list []stored) map[mesh.KeyIndex]StoredKey {
		all := map[mesh.KeyIndex]StoredKey{}
		for _, k := range list {
			all[mesh.KeyIndex(k.Index)] = StoredKey{Key: d.hexKey(k.Key), Old: d.hexKey(k.OldKey), Phase: k.KeyRefresh}
		}
		return all
	}
	return NodeState{
		IVIndex: mesh.IVIndex(file.IVIndex), IVUpdate: file.IVUpdate != 0, SequenceNumber: mesh.SequenceNumber(file.SequenceNumber),
		Net: keys(file.NetKeys), App: keys(file.AppKeys),
	}
}

func (d *Daemon) hexKey(text string) crypto.Key {
	d.t.Helper()
	octets, err := hex.DecodeString(text)
	if err != nil {
		d.t.Fatal(err)
	}
	return key(octets)
}

// SetSequence changes the IV index and the next sequence number that are stored
// of a node. The daemon is stopped.
func (d *Daemon) SetSequence(uuid mesh.UUID, index mesh.IVIndex, update bool, next mesh.SequenceNumber) {
	d.t.Helper()
	var file map[string]json.RawMessage
	octets, err := os.ReadFile(d.NodeFile(uuid))
	if err == nil {
		err = json.Unmarshal(octets, &file)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	for name, value := range map[string]any{"IVindex": index, "IVupdate": asInt(update), "sequenceNumber": next} {
		if file[name], err = json.Marshal(value); err != nil {
			d.t.Fatal(err)
		}
	}
	if octets, err = json.Marshal(file); err != nil {
		d.t.Fatal(err)
	}
	d.write(d.NodeFile(uuid), string(octets))
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
