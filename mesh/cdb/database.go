package cdb

import (
	"fmt"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// The values in the head of a file.
const (
	schema   = "http://json-schema.org/draft-04/schema#"
	schemaID = "https://www.bluetooth.com/specifications/specs/mesh-cdb-1-0-1-schema.json#"
	version  = "1.0.1"
)

// Database is a network, or part of one.
type Database struct {
	UUID         mesh.UUID // of the network
	Name         string
	Timestamp    time.Time // of the last change
	Partial      bool      // objects and device keys may be missing
	NetKeys      []NetKey
	AppKeys      []AppKey
	Provisioners []Provisioner
	Nodes        []Node
	Groups       []Group
	Scenes       []Scene
	Exclusions   []Exclusion
}

// NetKey is a network key. During a key refresh Key is the new one.
type NetKey struct {
	Name        string
	Index       mesh.KeyIndex
	Phase       uint8 // 0 to 2
	Key         crypto.Key
	OldKey      *crypto.Key // in phases 1 and 2
	MinSecurity Security    // of the nodes that have the key
	Timestamp   time.Time   // of the last change of Phase
}

// Security is how devices were provisioned.
type Security bool

// The two kinds. Secure means with an authentication value or with a public key
// that was not received over the air.
const (
	Insecure Security = false
	Secure   Security = true
)

// AppKey is an application key.
type AppKey struct {
	Name     string
	Index    mesh.KeyIndex
	BoundNet mesh.KeyIndex
	Key      crypto.Key
	OldKey   *crypto.Key // while the NetKey is refreshed
}

// Provisioner is a provisioner that may add nodes, and the ranges that it
// assigns addresses from.
type Provisioner struct {
	Name    string
	UUID    mesh.UUID
	Unicast []AddressRange
	Group   []AddressRange
	Scene   []SceneRange
}

// AddressRange is a range of addresses of one kind, including both ends.
type AddressRange struct{ Low, High mesh.Address }

// Contains reports whether a is in the range.
func (r AddressRange) Contains(a mesh.Address) bool { return r.Low <= a && a <= r.High }

// SceneRange is a range of scene numbers, including both ends.
type SceneRange struct{ First, Last uint16 }

// Group is a named group or virtual address.
type Group struct {
	Name   string
	Where  Destination
	Parent Destination // unassigned for none
}

// Scene is a scene and the elements that have stored it.
type Scene struct {
	Name      string
	Number    uint16
	Addresses []mesh.Address
}

// Exclusion lists the addresses that were released while the network had an IV
// index. They may be used again when the IV index is at least two higher.
type Exclusion struct {
	IVIndex   mesh.IVIndex
	Addresses []mesh.Address
}

// Destination is an address, or a label with its virtual address.
type Destination struct {
	Address mesh.Address
	Label   mesh.UUID // if Address is virtual
}

func (d Destination) text() string {
	if d.Address.IsVirtual() {
		return strings.ToUpper(d.Label.String())
	}
	return digits(d.Address)
}

// destination parses four digits, or a label.
func destination(v any) (Destination, bool) {
	if a, ok := parseWord[mesh.Address](v); ok {
		return Destination{Address: a}, !a.IsVirtual() // unusable without its label
	}
	s, ok := v.(string)
	if !ok {
		return Destination{}, false
	}
	label, err := mesh.ParseUUID(s)
	if err != nil {
		return Destination{}, false
	}
	return Destination{Address: crypto.VirtualAddress(label), Label: label}, true
}

func (c *codec) destination(name string, n need, p *Destination) {
	c.scalar(name, n, "an address of four hexadecimal digits, or a label of 32",
		func() (any, bool) { return p.text(), true },
		func(v any) (ok bool) {
			*p, ok = destination(v)
			return ok
		})
}

func (d *Database) fields(c *codec) {
	c.head()
	c.uuid("meshUUID", &d.UUID)
	c.text("meshName", required, &d.Name)
	c.time("timestamp", required, &d.Timestamp)
	c.boolean("partial", &d.Partial)
	list(c, "netKeys", required, &d.NetKeys, netKeyFields)
	list(c, "appKeys", required, &d.AppKeys, appKeyFields)
	list(c, "provisioners", required, &d.Provisioners, provisionerFields)
	list(c, "nodes", required, &d.Nodes, nodeFields)
	list(c, "groups", emptyToo(c), &d.Groups, groupFields)
	list(c, "scenes", emptyToo(c), &d.Scenes, sceneFields)
	list(c, "networkExclusions", optional, &d.Exclusions, exclusionFields)
}

// emptyToo is for a list that is always written but may be missing when read:
// older apps omit it.
func emptyToo(c *codec) need { return need(!c.reading()) }

// head checks the version: all 1.x are read in the same way.
func (c *codec) head() {
	if !c.reading() {
		c.out.put("$schema", schema)
		c.out.put("id", schemaID)
		c.out.put("version", version)
		return
	}
	const expected = "version 1.0.0 or another 1.x"
	if v, ok := c.take("version", required, expected); ok {
		if s, isText := v.(string); !isText || !strings.HasPrefix(s, "1.") {
			c.complain("version", expected, v)
		}
	}
}

func netKeyFields(c *codec, k *NetKey) {
	c.text("name", required, &k.Name)
	c.keyIndex("index", &k.Index)
	c.key("key", &k.Key)
	c.maybeKey("oldKey", optional, &k.OldKey)
	number(c, "phase", required, 0, 2, &k.Phase)
	c.security("minSecurity", &k.MinSecurity)
	c.time("timestamp", optional, &k.Timestamp)
}

// security parses the words of version 1.0.1, and those that apps wrote before.
func (c *codec) security(name string, p *Security) {
	choice(c, name, required, []string{"insecure", "secure", "low", "high"},
		[]Security{Insecure, Secure, Insecure, Secure}, p)
}

func appKeyFields(c *codec, k *AppKey) {
	c.text("name", required, &k.Name)
	c.keyIndex("index", &k.Index)
	c.keyIndex("boundNetKey", &k.BoundNet)
	c.key("key", &k.Key)
	c.maybeKey("oldKey", optional, &k.OldKey)
}

func provisionerFields(c *codec, p *Provisioner) {
	c.text("provisionerName", required, &p.Name)
	c.uuid("UUID", &p.UUID)
	list(c, "allocatedUnicastRange", required, &p.Unicast, addressRangeFields)
	list(c, "allocatedGroupRange", required, &p.Group, addressRangeFields)
	list(c, "allocatedSceneRange", required, &p.Scene, func(c *codec, r *SceneRange) {
		word(c, "firstScene", required, &r.First)
		word(c, "lastScene", required, &r.Last)
	})
}

func addressRangeFields(c *codec, r *AddressRange) {
	word(c, "lowAddress", required, &r.Low)
	word(c, "highAddress", required, &r.High)
}

func groupFields(c *codec, g *Group) {
	c.text("name", required, &g.Name)
	c.destination("address", required, &g.Where)
	c.destination("parentAddress", emptyToo(c), &g.Parent)
}

func sceneFields(c *codec, s *Scene) {
	c.text("name", required, &s.Name)
	if c.reading() && c.in["number"] == nil && c.in["scene"] != nil {
		c.in["number"] = c.in["scene"] // written by apps before version 1.0
	}
	word(c, "number", required, &s.Number)
	addresses(c, "addresses", &s.Addresses)
}

func exclusionFields(c *codec, e *Exclusion) {
	number(c, "ivIndex", required, 0, 1<<32-1, &e.IVIndex)
	addresses(c, "addresses", &e.Addresses)
}

// addresses visits a list of unicast addresses.
func addresses(c *codec, name string, p *[]mesh.Address) {
	values(c, name, required, fmt.Sprintf("a unicast address from %s to %s", digits(mesh.FirstUnicast), digits(mesh.LastUnicast)),
		p, func(a mesh.Address) any { return digits(a) }, func(v any) (mesh.Address, bool) {
			a, ok := parseWord[mesh.Address](v)
			return a, ok && a.IsUnicast()
		})
}
