package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Opcodes of the messages about keys (sections 4.3.2.31 to 4.3.2.45).
const (
	OpAppKeyAdd             mesh.Opcode = 0x00
	OpAppKeyUpdate          mesh.Opcode = 0x01
	OpAppKeyDelete          mesh.Opcode = 0x8000
	OpAppKeyGet             mesh.Opcode = 0x8001
	OpAppKeyList            mesh.Opcode = 0x8002
	OpAppKeyStatus          mesh.Opcode = 0x8003
	OpKeyRefreshPhaseGet    mesh.Opcode = 0x8015
	OpKeyRefreshPhaseSet    mesh.Opcode = 0x8016
	OpKeyRefreshPhaseStatus mesh.Opcode = 0x8017
	OpNetKeyAdd             mesh.Opcode = 0x8040
	OpNetKeyDelete          mesh.Opcode = 0x8041
	OpNetKeyGet             mesh.Opcode = 0x8042
	OpNetKeyList            mesh.Opcode = 0x8043
	OpNetKeyStatus          mesh.Opcode = 0x8044
	OpNetKeyUpdate          mesh.Opcode = 0x8045
)

// NetKeyAdd adds a NetKey to the node.
//
//	| NetKeyIndex 12 | RFU 4 | NetKey 128 |
type NetKeyAdd struct {
	NetKeyIndex mesh.KeyIndex
	NetKey      crypto.Key
}

// Opcode is 0x8040.
func (NetKeyAdd) Opcode() mesh.Opcode { return OpNetKeyAdd }

// Fields visits the parameters.
func (m *NetKeyAdd) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Key("net_key", &m.NetKey)
}

// NetKeyUpdate sends the node the new value of a NetKey and so begins a key
// refresh. It has the parameters of NetKeyAdd.
type NetKeyUpdate struct {
	NetKeyIndex mesh.KeyIndex
	NetKey      crypto.Key
}

// Opcode is 0x8045.
func (NetKeyUpdate) Opcode() mesh.Opcode { return OpNetKeyUpdate }

// Fields visits the parameters.
func (m *NetKeyUpdate) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Key("net_key", &m.NetKey)
}

// NetKeyDelete removes a NetKey from the node.
//
//	| NetKeyIndex 12 | RFU 4 |
type NetKeyDelete struct{ NetKeyIndex mesh.KeyIndex }

// Opcode is 0x8041.
func (NetKeyDelete) Opcode() mesh.Opcode { return OpNetKeyDelete }

// Fields visits the parameters.
func (m *NetKeyDelete) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// NetKeyStatus answers NetKeyAdd, NetKeyUpdate and NetKeyDelete.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 |
type NetKeyStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8044.
func (NetKeyStatus) Opcode() mesh.Opcode { return OpNetKeyStatus }

// Fields visits the parameters.
func (m *NetKeyStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// NetKeyGet asks for the indexes of the node's NetKeys.
type NetKeyGet struct{ access.Empty }

// Opcode is 0x8042.
func (NetKeyGet) Opcode() mesh.Opcode { return OpNetKeyGet }

// NetKeyList answers NetKeyGet.
//
//	| index 12 | index 12 | ... | last one, when odd, 12 | RFU 4 |
type NetKeyList struct{ NetKeyIndexes []mesh.KeyIndex }

// Opcode is 0x8043.
func (NetKeyList) Opcode() mesh.Opcode { return OpNetKeyList }

// Fields visits the parameters.
func (m *NetKeyList) Fields(c *access.Codec) {
	c.KeyIndexes("net_key_indexes", &m.NetKeyIndexes)
}

// AppKeyAdd adds an AppKey that is bound to a NetKey.
//
//	| NetKeyIndex 12 | AppKeyIndex 12 | AppKey 128 |
type AppKeyAdd struct {
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
	AppKey      crypto.Key
}

// Opcode is 0x00.
func (AppKeyAdd) Opcode() mesh.Opcode { return OpAppKeyAdd }

// Fields visits the parameters.
func (m *AppKeyAdd) Fields(c *access.Codec) {
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
	c.Key("app_key", &m.AppKey)
}

// AppKeyUpdate sends the node the new value of an AppKey during a key refresh.
// It has the parameters of AppKeyAdd.
type AppKeyUpdate struct {
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
	AppKey      crypto.Key
}

// Opcode is 0x01.
func (AppKeyUpdate) Opcode() mesh.Opcode { return OpAppKeyUpdate }

// Fields visits the parameters.
func (m *AppKeyUpdate) Fields(c *access.Codec) {
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
	c.Key("app_key", &m.AppKey)
}

// AppKeyDelete removes an AppKey from the node.
//
//	| NetKeyIndex 12 | AppKeyIndex 12 |
type AppKeyDelete struct {
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
}

// Opcode is 0x8000.
func (AppKeyDelete) Opcode() mesh.Opcode { return OpAppKeyDelete }

// Fields visits the parameters.
func (m *AppKeyDelete) Fields(c *access.Codec) {
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
}

// AppKeyStatus answers AppKeyAdd, AppKeyUpdate and AppKeyDelete.
//
//	| Status 8 | NetKeyIndex 12 | AppKeyIndex 12 |
type AppKeyStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
}

// Opcode is 0x8003.
func (AppKeyStatus) Opcode() mesh.Opcode { return OpAppKeyStatus }

// Fields visits the parameters.
func (m *AppKeyStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
}

// AppKeyGet asks for the AppKeys bound to a NetKey.
//
//	| NetKeyIndex 12 | RFU 4 |
type AppKeyGet struct{ NetKeyIndex mesh.KeyIndex }

// Opcode is 0x8001.
func (AppKeyGet) Opcode() mesh.Opcode { return OpAppKeyGet }

// Fields visits the parameters.
func (m *AppKeyGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// AppKeyList answers AppKeyGet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | indexes as in NetKeyList |
type AppKeyList struct {
	Status        foundation.Status
	NetKeyIndex   mesh.KeyIndex
	AppKeyIndexes []mesh.KeyIndex
}

// Opcode is 0x8002.
func (AppKeyList) Opcode() mesh.Opcode { return OpAppKeyList }

// Fields visits the parameters.
func (m *AppKeyList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.KeyIndexes("app_key_indexes", &m.AppKeyIndexes)
}

// KeyRefreshPhaseGet asks for the key refresh phase of a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type KeyRefreshPhaseGet struct{ NetKeyIndex mesh.KeyIndex }

// Opcode is 0x8015.
func (KeyRefreshPhaseGet) Opcode() mesh.Opcode { return OpKeyRefreshPhaseGet }

// Fields visits the parameters.
func (m *KeyRefreshPhaseGet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// KeyRefreshPhaseSet moves a subnet to phase 2 or 3 of the key refresh;
// other transitions are prohibited (section 4.2.14).
//
//	| NetKeyIndex 12 | RFU 4 | Transition 8 |
type KeyRefreshPhaseSet struct {
	NetKeyIndex mesh.KeyIndex
	Transition  uint8
}

// Opcode is 0x8016.
func (KeyRefreshPhaseSet) Opcode() mesh.Opcode { return OpKeyRefreshPhaseSet }

// Fields visits the parameters.
func (m *KeyRefreshPhaseSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("transition", &m.Transition)
	c.Require(m.Transition == 2 || m.Transition == 3, "transition", "2 or 3")
}

// KeyRefreshPhaseStatus reports the key refresh phase of a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | Phase 8 |
type KeyRefreshPhaseStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	Phase       state.Phase
}

// Opcode is 0x8017.
func (KeyRefreshPhaseStatus) Opcode() mesh.Opcode { return OpKeyRefreshPhaseStatus }

// Fields visits the parameters.
func (m *KeyRefreshPhaseStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("phase", (*uint8)(&m.Phase))
	c.Require(m.Phase <= state.SecondPhase, "phase", "0, 1 or 2")
}
