package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Opcodes of the messages about keys (sections 4.3.2.31 to 4.3.2.45).
const (
	OpConfigAppKeyAdd             mesh.Opcode = 0x00
	OpConfigAppKeyUpdate          mesh.Opcode = 0x01
	OpConfigAppKeyDelete          mesh.Opcode = 0x8000
	OpConfigAppKeyGet             mesh.Opcode = 0x8001
	OpConfigAppKeyList            mesh.Opcode = 0x8002
	OpConfigAppKeyStatus          mesh.Opcode = 0x8003
	OpConfigKeyRefreshPhaseGet    mesh.Opcode = 0x8015
	OpConfigKeyRefreshPhaseSet    mesh.Opcode = 0x8016
	OpConfigKeyRefreshPhaseStatus mesh.Opcode = 0x8017
	OpConfigNetKeyAdd             mesh.Opcode = 0x8040
	OpConfigNetKeyDelete          mesh.Opcode = 0x8041
	OpConfigNetKeyGet             mesh.Opcode = 0x8042
	OpConfigNetKeyList            mesh.Opcode = 0x8043
	OpConfigNetKeyStatus          mesh.Opcode = 0x8044
	OpConfigNetKeyUpdate          mesh.Opcode = 0x8045
)

// ConfigNetKeyAdd gives the node a NetKey.
//
//	| NetKeyIndex 12 | RFU 4 | NetKey 128 |
type ConfigNetKeyAdd struct {
	NetKeyIndex mesh.KeyIndex
	NetKey      crypto.Key
}

// Opcode is 0x8040.
func (ConfigNetKeyAdd) Opcode() mesh.Opcode { return OpConfigNetKeyAdd }

// Fields visits the parameters.
func (m *ConfigNetKeyAdd) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Key("net_key", &m.NetKey)
}

// ConfigNetKeyUpdate gives the node the new value of a NetKey, which begins a
// key refresh. Parameters as ConfigNetKeyAdd.
type ConfigNetKeyUpdate struct {
	NetKeyIndex mesh.KeyIndex
	NetKey      crypto.Key
}

// Opcode is 0x8045.
func (ConfigNetKeyUpdate) Opcode() mesh.Opcode { return OpConfigNetKeyUpdate }

// Fields visits the parameters.
func (m *ConfigNetKeyUpdate) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Key("net_key", &m.NetKey)
}

// ConfigNetKeyDelete takes a NetKey from the node.
//
//	| NetKeyIndex 12 | RFU 4 |
type ConfigNetKeyDelete struct{ NetKeyIndex mesh.KeyIndex }

// Opcode is 0x8041.
func (ConfigNetKeyDelete) Opcode() mesh.Opcode { return OpConfigNetKeyDelete }

// Fields visits the parameters.
func (m *ConfigNetKeyDelete) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// ConfigNetKeyStatus answers ConfigNetKeyAdd, Update and Delete.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 |
type ConfigNetKeyStatus struct {
	Status      Status
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8044.
func (ConfigNetKeyStatus) Opcode() mesh.Opcode { return OpConfigNetKeyStatus }

// Fields visits the parameters.
func (m *ConfigNetKeyStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// ConfigNetKeyGet asks which NetKeys the node has.
type ConfigNetKeyGet struct{ access.Empty }

// Opcode is 0x8042.
func (ConfigNetKeyGet) Opcode() mesh.Opcode { return OpConfigNetKeyGet }

// ConfigNetKeyList answers ConfigNetKeyGet.
//
//	| index 12 | index 12 | ... | last one, when odd, 12 | RFU 4 |
type ConfigNetKeyList struct{ NetKeyIndexes []mesh.KeyIndex }

// Opcode is 0x8043.
func (ConfigNetKeyList) Opcode() mesh.Opcode { return OpConfigNetKeyList }

// Fields visits the parameters.
func (m *ConfigNetKeyList) Fields(c *access.Codec) {
	c.KeyIndexes("net_key_indexes", &m.NetKeyIndexes)
}

// ConfigAppKeyAdd gives the node an AppKey bound to a NetKey.
//
//	| NetKeyIndex 12 | AppKeyIndex 12 | AppKey 128 |
type ConfigAppKeyAdd struct {
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
	AppKey      crypto.Key
}

// Opcode is 0x00.
func (ConfigAppKeyAdd) Opcode() mesh.Opcode { return OpConfigAppKeyAdd }

// Fields visits the parameters.
func (m *ConfigAppKeyAdd) Fields(c *access.Codec) {
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
	c.Key("app_key", &m.AppKey)
}

// ConfigAppKeyUpdate gives the node the new value of an AppKey during a key
// refresh. Parameters as ConfigAppKeyAdd.
type ConfigAppKeyUpdate struct {
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
	AppKey      crypto.Key
}

// Opcode is 0x01.
func (ConfigAppKeyUpdate) Opcode() mesh.Opcode { return OpConfigAppKeyUpdate }

// Fields visits the parameters.
func (m *ConfigAppKeyUpdate) Fields(c *access.Codec) {
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
	c.Key("app_key", &m.AppKey)
}

// ConfigAppKeyDelete takes an AppKey from the node.
//
//	| NetKeyIndex 12 | AppKeyIndex 12 |
type ConfigAppKeyDelete struct {
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
}

// Opcode is 0x8000.
func (ConfigAppKeyDelete) Opcode() mesh.Opcode { return OpConfigAppKeyDelete }

// Fields visits the parameters.
func (m *ConfigAppKeyDelete) Fields(c *access.Codec) {
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
}

// ConfigAppKeyStatus answers ConfigAppKeyAdd, Update and Delete.
//
//	| Status 8 | NetKeyIndex 12 | AppKeyIndex 12 |
type ConfigAppKeyStatus struct {
	Status      Status
	NetKeyIndex mesh.KeyIndex
	AppKeyIndex mesh.KeyIndex
}

// Opcode is 0x8003.
func (ConfigAppKeyStatus) Opcode() mesh.Opcode { return OpConfigAppKeyStatus }

// Fields visits the parameters.
func (m *ConfigAppKeyStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndexPair("net_key_index", &m.NetKeyIndex, "app_key_index", &m.AppKeyIndex)
}

// ConfigAppKeyGet asks which AppKeys are bound to a NetKey.
//
//	| NetKeyIndex 12 | RFU 4 |
type ConfigAppKeyGet struct{ NetKeyIndex mesh.KeyIndex }

// Opcode is 0x8001.
func (ConfigAppKeyGet) Opcode() mesh.Opcode { return OpConfigAppKeyGet }

// Fields visits the parameters.
func (m *ConfigAppKeyGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// ConfigAppKeyList answers ConfigAppKeyGet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | indexes as in ConfigNetKeyList |
type ConfigAppKeyList struct {
	Status        Status
	NetKeyIndex   mesh.KeyIndex
	AppKeyIndexes []mesh.KeyIndex
}

// Opcode is 0x8002.
func (ConfigAppKeyList) Opcode() mesh.Opcode { return OpConfigAppKeyList }

// Fields visits the parameters.
func (m *ConfigAppKeyList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.KeyIndexes("app_key_indexes", &m.AppKeyIndexes)
}

// ConfigKeyRefreshPhaseGet asks for a subnet's key refresh phase.
//
//	| NetKeyIndex 12 | RFU 4 |
type ConfigKeyRefreshPhaseGet struct{ NetKeyIndex mesh.KeyIndex }

// Opcode is 0x8015.
func (ConfigKeyRefreshPhaseGet) Opcode() mesh.Opcode { return OpConfigKeyRefreshPhaseGet }

// Fields visits the parameters.
func (m *ConfigKeyRefreshPhaseGet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// ConfigKeyRefreshPhaseSet moves a subnet to phase 2 or 3 of the key refresh;
// other transitions are prohibited (section 4.2.14).
//
//	| NetKeyIndex 12 | RFU 4 | Transition 8 |
type ConfigKeyRefreshPhaseSet struct {
	NetKeyIndex mesh.KeyIndex
	Transition  uint8
}

// Opcode is 0x8016.
func (ConfigKeyRefreshPhaseSet) Opcode() mesh.Opcode { return OpConfigKeyRefreshPhaseSet }

// Fields visits the parameters.
func (m *ConfigKeyRefreshPhaseSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("transition", &m.Transition)
	c.Require(m.Transition == 2 || m.Transition == 3, "transition", "2 or 3")
}

// ConfigKeyRefreshPhaseStatus reports a subnet's key refresh phase.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | Phase 8 |
type ConfigKeyRefreshPhaseStatus struct {
	Status      Status
	NetKeyIndex mesh.KeyIndex
	Phase       state.Phase
}

// Opcode is 0x8017.
func (ConfigKeyRefreshPhaseStatus) Opcode() mesh.Opcode { return OpConfigKeyRefreshPhaseStatus }

// Fields visits the parameters.
func (m *ConfigKeyRefreshPhaseStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("phase", (*uint8)(&m.Phase))
	c.Require(m.Phase <= state.SecondPhase, "phase", "0, 1 or 2")
}
