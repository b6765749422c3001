package handover

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Table stores what was in a database and the bridge does not use: one entry for the
// network under keyNetwork, and one for each node under its UUID.
const Table store.Table = "cdb"

const (
	keyNetwork = "network"
	// keyOthers lists the nodes that are not devices of the bridge: other
	// provisioners and excluded nodes. Networks that older versions imported do
	// not have it.
	keyOthers = "others"
	// keyImporting is there until an import is complete.
	keyImporting = "importing"
)

// batch is how many octets of values are stored at once. An import of thousands
// of nodes in one transaction would need them all in memory.
const batch = 1 << 20

// Errors of Store.
var (
	// ErrNotEmpty is returned when the store has a network.
	ErrNotEmpty = errors.New("handover: the store holds a network already; import into another --store.dir, or move this one away")
	// ErrRemains is returned when the store has no network, but something of one.
	ErrRemains = errors.New("handover: the store holds no network, but parts of one; it may be damaged: look for a backup, and import into another --store.dir")
)

// Store puts the network into an empty store. The node is stored last, so that
// after an interruption there is no network; the import can then be repeated.
func (in *Import) Store(s store.Store) error {
	if err := clearImport(s); err != nil {
		return err
	}
	w := &batches{store: s}
	w.add(store.Change{Table: Table, Key: keyImporting, Value: []byte("true")})
	if err := in.keep(w); err != nil {
		return err
	}
	for _, r := range in.Records {
		c, err := r.Change()
		if err != nil {
			return err
		}
		w.add(c)
	}
	w.flush()
	changes, err := in.Saved.Changes()
	if err := errors.Join(w.err, err); err != nil {
		return err
	}
	if err := s.Apply(append(changes, store.Change{Table: Table, Key: keyImporting})...); err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	return nil
}

// checkEmpty returns an error unless there is nothing in a store.
func checkEmpty(s store.Store) error {
	old, err := node.Load(s)
	if old.Node != nil {
		return ErrNotEmpty
	}
	if tables, failed := s.Tables(); failed != nil || len(tables) > 0 {
		return errors.Join(ErrRemains, failed)
	}
	return err
}

// clearImport removes what an interrupted import has left.
func clearImport(s store.Store) error {
	switch _, err := s.Get(Table, keyImporting); {
	case errors.Is(err, store.ErrNotFound):
		return checkEmpty(s)
	case err != nil:
		return err
	}
	for _, table := range []store.Table{device.Table, Table} {
		all, err := s.All(table)
		if err != nil {
			return err
		}
		var changes []store.Change
		for key := range all {
			if key != keyImporting {
				changes = append(changes, store.Change{Table: table, Key: key})
			}
		}
		if err := s.Apply(changes...); err != nil {
			return fmt.Errorf("handover: %w", err)
		}
	}
	return nil
}

// batches collects changes and applies them from time to time.
type batches struct {
	store   store.Store
	changes []store.Change
	size    int
	err     error // the first
}

func (b *batches) add(c store.Change) {
	b.changes = append(b.changes, c)
	b.size += len(c.Value)
	if b.size >= batch {
		b.flush()
	}
}

func (b *batches) flush() {
	if b.err == nil && len(b.changes) > 0 {
		if err := b.store.Apply(b.changes...); err != nil {
			b.err = fmt.Errorf("handover: %w", err)
		}
	}
	clear(b.changes)
	b.changes, b.size = b.changes[:0], 0
}

// keep splits the database for the store, which limits the size of a value.
func (in *Import) keep(w *batches) error {
	d := in.source.Head()
	data, err := d.JSON()
	if err != nil {
		return err
	}
	w.add(store.Change{Table: Table, Key: keyNetwork, Value: data})
	provisioners := provisionersOf(d)
	others := []mesh.UUID{}
	err = in.source.Nodes(func(n *cdb.Node) error {
		if n.Excluded || provisioners[n.UUID] {
			others = append(others, n.UUID)
		}
		data, err := n.JSON()
		if err != nil {
			return err
		}
		w.add(store.Change{Table: Table, Key: n.UUID.String(), Value: data})
		return w.err
	})
	if err != nil {
		return err
	}
	list, err := json.Marshal(others)
	if err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	w.add(store.Change{Table: Table, Key: keyOthers, Value: list})
	return w.err
}

// Kept is what an imported database had that the bridge does not use.
type Kept struct {
	Head  *cdb.Database // nil when the network was made by the bridge
	Nodes map[mesh.UUID]*cdb.Node
}

// LoadKept reads what Import kept.
func LoadKept(s store.Store) (Kept, error) {
	k := Kept{Nodes: map[mesh.UUID]*cdb.Node{}}
	all, err := s.All(Table)
	if err != nil {
		return k, fmt.Errorf("handover: %w", err)
	}
	for key, data := range all {
		switch key {
		case keyNetwork:
			k.Head, err = parseHead(data)
		case keyOthers, keyImporting:
		default:
			var n *cdb.Node
			if n, err = parseKept(key, data); err == nil {
				k.Nodes[n.UUID] = n
			}
		}
		if err != nil {
			return k, err
		}
	}
	return k, nil
}

func parseHead(data []byte) (*cdb.Database, error) {
	d, err := cdb.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("handover: what is stored of the imported network: %w", err)
	}
	return d, nil
}

func parseKept(key string, data []byte) (*cdb.Node, error) {
	n, err := cdb.ParseNode(data)
	if err != nil {
		return nil, fmt.Errorf("handover: what is stored of node %s: %w", key, err)
	}
	return n, nil
}
