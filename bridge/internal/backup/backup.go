// Package backup writes the network to a file or a response: network/export as a Mesh Configuration
// Database, network/backup as a copy of the store in a file.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/outside"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Part writes exports and backups. Make it with New.
type Part struct {
	part.None
	h     *part.Host
	store store.Store
	name  string // of the network
	dir   string

	outside *outside.Runner // reads the store and writes files
}

// New makes the part. dir is the directory for backups; empty where the store goes
// away with the program.
func New(h *part.Host, s store.Store, network, dir string) *Part {
	return &Part{h: h, store: s, name: network, dir: dir, outside: outside.New()}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{
		request.Define(exportMeta(), p.export),
		request.Define(backupMeta(), p.backup),
	}
}

// export answers with the network as a Mesh Configuration Database. It contains the keys
// only if the request asks for them: everybody who can read the broker's topics then
// has the network.
func (p *Part) export(c *request.Call[exportOut], in exportIn) {
	n := handover.Network{Name: p.name, Now: p.h.Loop.Now()}
	for _, d := range p.h.Devices.Sorted() {
		record := *d.Record
		n.Records = append(n.Records, &record)
	}
	p.h.Loop.Go(func(ctx context.Context) {
		network, err := p.exported(ctx, n, in.Keys)
		p.h.Loop.Post(func() {
			if err != nil {
				c.Fail(err)
				return
			}
			c.Answer(&exportOut{Network: network}, nil)
		})
	})
}

// exported is the network in the form of the response.
func (p *Part) exported(ctx context.Context, n handover.Network, keys bool) (json.RawMessage, error) {
	d, err := p.describe(ctx, n)
	if err != nil {
		return nil, err
	}
	if !keys {
		return json.Marshal(d.WithoutKeys())
	}
	return d.JSON()
}

// describe adds what the mesh and the store know of the network.
func (p *Part) describe(ctx context.Context, n handover.Network) (*cdb.Database, error) {
	var err error
	if n.Node, err = p.h.Mesh.State(ctx); err != nil {
		return nil, err
	}
	if n.Peers, err = p.h.Mesh.Peers(ctx); err != nil {
		return nil, err
	}
	if n.Exclusions, err = p.h.Mesh.Exclusions(ctx); err != nil {
		return nil, err
	}
	if n.Kept, err = outside.Do(ctx, p.outside, "reading the store", func() (handover.Kept, error) { return handover.LoadKept(p.store) }); err != nil {
		return nil, err
	}
	return handover.Write(n), nil
}

// backup writes a copy of the store to a file. It contains every key, so it is not
// published.
func (p *Part) backup(c *request.Call[backupOut], _ backupIn) {
	if p.dir == "" {
		c.Fail(fault.New("not_possible", "the network is kept in memory; --store.dir DIR keeps it, and then it can be backed up"))
		return
	}
	p.h.Writer.Stored(func(err error) { // what was saved before is in the backup
		if err != nil {
			c.Fail(fault.New("not_stored", "the backup would not contain the last changes: %w", err))
			return
		}
		if p.h.Loop.Stopping() {
			c.Fail(node.ErrStopped)
			return
		}
		p.h.Loop.Go(func(ctx context.Context) {
			out, err := outside.Do(ctx, p.outside, "writing a backup into "+p.dir, func() (*backupOut, error) {
				return p.backUp(p.h.Loop.Now())
			})
			p.h.Loop.Post(func() {
				if err != nil {
					c.Fail(err)
					return
				}
				p.h.Log.Info().Str("file", out.File).Msg("the network was backed up")
				c.Answer(out, nil)
			})
		})
	})
}

// backUp writes the file, whole or not at all.
func (p *Part) backUp(now time.Time) (*backupOut, error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	path := filepath.Join(p.dir, "network-"+now.UTC().Format("20060102-150405.000")+".backup")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	out := &backupOut{File: path}
	err = archive.Write(f, p.store, now)
	if info, failed := f.Stat(); failed == nil {
		out.Octets = info.Size()
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("bridge: %w", errors.Join(err, os.Remove(path)))
	}
	return out, nil
}
