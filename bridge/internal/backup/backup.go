// Package backup writes the network to a file or a response: network/export as a Mesh Configuration
// Database, network/backup as a copy of the store in a file.
//
//	network/export ─▶ keys allowed? ─▶ handover.Write ─▶ [age] ─▶ response
//	network/backup ─────────────────▶ archive.Write ──▶ [age] ─▶ file
//
// What goes into a response is read by everybody who can read the topic, and may be
// asked for by everybody who can publish. So keys go into one only if the configuration
// allows it.
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

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/encrypted"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/outside"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// KeyExport says whether a response may contain the keys of the network.
type KeyExport uint8

// The values of KeyExport.
const (
	KeysNever     KeyExport = iota
	KeysEncrypted           // for who knows a passphrase or has a private key
	KeysPlain               // in both forms
)

// ParseKeyExport reads the value of mqtt.key_export.
func ParseKeyExport(text string) (KeyExport, error) {
	switch text {
	case "", "off":
		return KeysNever, nil
	case "encrypted":
		return KeysEncrypted, nil
	case "plain":
		return KeysPlain, nil
	}
	return KeysNever, fmt.Errorf("backup: expected off, encrypted or plain, got %q", text)
}

// Config says where backups go, and what may be exported.
type Config struct {
	Network string // its name
	// Dir is the directory for backups; empty where the store goes away with the
	// program.
	Dir  string
	Keys KeyExport
}

// Part writes exports and backups. Make it with New.
type Part struct {
	part.None
	h     *part.Host
	store store.Store
	cfg   Config
	busy  bool // one is under way: both take memory, and one of them disk space

	outside *outside.Runner // reads the store and writes files
}

// New makes the part.
func New(h *part.Host, s store.Store, cfg Config) *Part {
	return &Part{h: h, store: s, cfg: cfg, outside: outside.New()}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{
		request.Define(exportMeta(), p.export),
		request.Define(backupMeta(), p.backup),
	}
}

// recipient is who can read what a request asks for; the zero one is everybody.
func recipient(passphrase, publicKey string) (encrypted.Recipient, error) {
	to := encrypted.Recipient{Passphrase: passphrase, PublicKey: publicKey}
	if to.IsZero() {
		return to, nil
	}
	if err := to.Check(); err != nil {
		return to, fault.New("bad_value", "passphrase, public_key: %w", err)
	}
	return to, nil
}

// permitted is an error if the configuration does not allow that a response contains
// the keys.
func (p *Part) permitted(to encrypted.Recipient) error {
	switch {
	case p.cfg.Keys == KeysNever:
		return fault.New("forbidden", "keys: the configuration does not allow to export keys over MQTT (mqtt.key_export is off); "+
			"use the command network export on the machine of the bridge, or network/backup, which writes a file")
	case p.cfg.Keys == KeysEncrypted && to.IsZero():
		return fault.New("forbidden", "keys: the configuration allows to export keys encrypted only (mqtt.key_export is encrypted); "+
			"expected passphrase or public_key")
	}
	return nil
}

// begin notes that an export or a backup is under way. It is an error if one is.
func (p *Part) begin() error {
	if p.busy {
		return fault.New("busy", "another export or backup is under way; try again when it is done")
	}
	p.busy = true
	return nil
}

// export answers with the network as a Mesh Configuration Database. It contains the keys
// only if the request asks for them and the configuration allows it: everybody who can
// read the response then has the network.
func (p *Part) export(c *request.Call[exportOut], in exportIn) {
	to, err := recipient(in.Passphrase, in.PublicKey)
	if err == nil && in.Keys {
		if err = p.permitted(to); err != nil {
			p.h.Publisher.Warn("", "somebody asked for the keys of the network over MQTT, and was refused")
		}
	}
	if err == nil {
		err = p.begin()
	}
	if err != nil {
		c.Fail(err)
		return
	}
	n := handover.Network{Name: p.cfg.Network, Now: p.h.Loop.Now()}
	for _, d := range p.h.Devices.Sorted() {
		record := *d.Record
		n.Records = append(n.Records, &record)
	}
	p.h.Loop.Go(func(ctx context.Context) {
		out, err := p.exported(ctx, n, in.Keys, to)
		p.h.Loop.Post(func() {
			p.busy = false
			if err != nil {
				c.Fail(err)
				return
			}
			if in.Keys {
				p.h.Publisher.Warn("", "the keys of the network were exported over MQTT, encrypted: %t", !to.IsZero())
			}
			c.Answer(out, nil)
		})
	})
}

// exported is the response.
func (p *Part) exported(ctx context.Context, n handover.Network, keys bool, to encrypted.Recipient) (*exportOut, error) {
	d, err := p.describe(ctx, n)
	if err != nil {
		return nil, err
	}
	var network json.RawMessage
	if keys {
		network, err = d.JSON()
	} else {
		network, err = json.Marshal(d.WithoutKeys())
	}
	if err != nil {
		return nil, err
	}
	if to.IsZero() {
		return &exportOut{Network: network}, nil
	}
	text, err := encrypted.Text(network, to)
	if err != nil {
		return nil, err
	}
	return &exportOut{Encrypted: text}, nil
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
func (p *Part) backup(c *request.Call[backupOut], in backupIn) {
	if p.cfg.Dir == "" {
		c.Fail(fault.New("not_possible", "the network is kept in memory; --store.dir DIR keeps it, and then it can be backed up"))
		return
	}
	to, err := recipient(in.Passphrase, in.PublicKey)
	if err == nil {
		err = p.begin()
	}
	if err != nil {
		c.Fail(err)
		return
	}
	p.h.Writer.Stored(func(err error) { // what was saved before is in the backup
		if err != nil {
			p.busy = false
			c.Fail(fault.New("not_stored", "the backup would not contain the last changes: %w", err))
			return
		}
		if p.h.Loop.Stopping() {
			p.busy = false
			c.Fail(node.ErrStopped)
			return
		}
		p.h.Loop.Go(func(ctx context.Context) {
			out, err := outside.Do(ctx, p.outside, "writing a backup into "+p.cfg.Dir, func() (*backupOut, error) {
				return p.backUp(p.h.Loop.Now(), to)
			})
			p.h.Loop.Post(func() {
				p.busy = false
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
func (p *Part) backUp(now time.Time, to encrypted.Recipient) (*backupOut, error) {
	if err := os.MkdirAll(p.cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	name := "network-" + now.UTC().Format("20060102-150405.000") + ".backup"
	if !to.IsZero() {
		name += ".age"
	}
	path := filepath.Join(p.cfg.Dir, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	out := &backupOut{File: path}
	err = p.archive(f, now, to)
	if info, failed := f.Stat(); failed == nil {
		out.Octets = info.Size()
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("bridge: %w", errors.Join(err, os.Remove(path)))
	}
	return out, nil
}

// archive writes the copy of the store.
func (p *Part) archive(f *os.File, now time.Time, to encrypted.Recipient) error {
	if to.IsZero() {
		return archive.Write(f, p.store, now)
	}
	w, err := encrypted.NewWriter(f, to)
	if err != nil {
		return err
	}
	return errors.Join(archive.Write(w, p.store, now), w.Close())
}
