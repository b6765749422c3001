package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
)

// requestExport answers with the network as a Mesh Configuration Database. The
// keys are in it only if they are asked for: whoever can read the broker's
// topics then has the network.
func (s *Service) requestExport(payload []byte, reply answer) {
	var in struct {
		common
		Keys bool `json:"keys"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	n := handover.Network{Name: s.cfg.Network, Now: time.Now()}
	for _, m := range s.sorted() {
		record := *m.record
		n.Records = append(n.Records, &record)
	}
	s.work(func(ctx context.Context) {
		d, err := s.describe(ctx, n)
		if err != nil {
			reply(nil, err)
			return
		}
		if !in.Keys {
			reply(map[string]any{"network": d.WithoutKeys()}, nil)
			return
		}
		data, err := d.JSON()
		reply(map[string]any{"network": json.RawMessage(data)}, err)
	})
}

// describe completes what the bridge knows with what the mesh and the store do.
func (s *Service) describe(ctx context.Context, n handover.Network) (*cdb.Database, error) {
	var err error
	if n.Node, err = s.cfg.Mesh.State(ctx); err != nil {
		return nil, err
	}
	if n.Peers, err = s.cfg.Mesh.Peers(ctx); err != nil {
		return nil, err
	}
	if n.Exclusions, err = s.cfg.Mesh.Exclusions(ctx); err != nil {
		return nil, err
	}
	if n.Kept, err = handover.LoadKept(s.cfg.Store); err != nil {
		return nil, err
	}
	return handover.Write(n), nil
}

// requestBackup writes everything that is stored into a file beside the store.
// It holds every key, so it does not go over the broker.
func (s *Service) requestBackup(payload []byte, reply answer) {
	var in common
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	if s.cfg.Backups == "" {
		reply(nil, fail("not_possible", "the network is kept in memory; --store.dir DIR keeps it, and then it can be backed up"))
		return
	}
	s.work(func(context.Context) {
		path, size, err := s.backUp(time.Now())
		if err != nil {
			reply(nil, err)
			return
		}
		s.log.Info().Str("file", path).Msg("the network was backed up")
		reply(map[string]any{"file": path, "octets": size}, nil)
	})
}

// backUp writes the file, whole or not at all.
func (s *Service) backUp(now time.Time) (path string, size int64, err error) {
	if err := os.MkdirAll(s.cfg.Backups, 0o700); err != nil {
		return "", 0, fmt.Errorf("bridge: %w", err)
	}
	path = filepath.Join(s.cfg.Backups, "network-"+now.UTC().Format("20060102-150405.000")+".backup")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("bridge: %w", err)
	}
	err = archive.Write(f, s.cfg.Store, now)
	if info, failed := f.Stat(); failed == nil {
		size = info.Size()
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", 0, fmt.Errorf("bridge: %w", errors.Join(err, os.Remove(path)))
	}
	return path, size, nil
}
