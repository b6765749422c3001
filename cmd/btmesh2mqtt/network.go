package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
)

// networkCommand works on the network in a store that no service is using.
func (a *app) networkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "network",
		Short: "Import, export, back up and restore the network of a store",
		Long: "The store must not be in use: stop the service first. While it runs, the requests\n" +
			"network/export and network/backup do the same.",
		Example: "  btmesh2mqtt network import phone.json --store.dir /var/lib/btmesh2mqtt\n" +
			"  btmesh2mqtt network export network.json --store.dir /var/lib/btmesh2mqtt\n" +
			"  btmesh2mqtt network backup network.backup --store.dir /var/lib/btmesh2mqtt\n" +
			"  btmesh2mqtt network restore network.backup --store.dir /var/lib/new",
	}
	cmd.AddCommand(a.importCommand(), a.exportCommand(), a.backupCommand(), a.restoreCommand())
	return cmd
}

// onStore makes a command that takes a file name and works on the configured
// store.
func (a *app) onStore(use, short, example string, do func(s store.Store, name, path string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:     use + " FILE",
		Short:   short,
		Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("expected one file, got %d arguments: %s FILE", len(args), cmd.CommandPath())
			}
			return works(func(cmd *cobra.Command) error {
				loaded, err := a.load(cmd)
				if err != nil {
					return err
				}
				s, err := storeAt(loaded.Config.Store.Dir, use == "export" || use == "backup")
				if err != nil {
					return err
				}
				return errors.Join(do(s, loaded.Config.Mesh.Name, args[0]), s.Close())
			})(cmd, nil)
		},
	}
	a.bindConfig(cmd)
	return cmd
}

func (a *app) importCommand() *cobra.Command {
	var address string
	var ivIndex int64
	var secrets cipher
	cmd := a.onStore("import", "Join the network of a Mesh Configuration Database, as a phone app exports it",
		"  btmesh2mqtt network import phone.json --store.dir /var/lib/btmesh2mqtt\n"+
			"  btmesh2mqtt network import phone.json --address 0x2000 --iv-index 3\n"+
			"  btmesh2mqtt network import export.age --passphrase-file passphrase.txt",
		func(s store.Store, _, path string) error {
			o := handover.Options{Now: time.Now(), Random: rand.Reader, Elements: gatewayElements()}
			if address != "" {
				var err error
				if o.Address, err = mesh.ParseAddress(address); err != nil {
					return fmt.Errorf("--address: %w", err)
				}
			}
			if ivIndex >= 0 {
				const largest = 1<<32 - 1
				if ivIndex > largest {
					return fmt.Errorf("--iv-index: expected 0 to %d, got %d", int64(largest), ivIndex)
				}
				iv := mesh.IVIndex(ivIndex)
				o.IVIndex = &iv
			}
			return a.importNetwork(s, path, &secrets, o)
		})
	cmd.Flags().StringVar(&address, "address", "", "unicast `address` of the bridge, such as 0x2000; the default is the first address of a free range")
	cmd.Flags().Int64Var(&ivIndex, "iv-index", -1, "IV `index` of the network; the default is that of the first beacon")
	secrets.bindReading(cmd)
	return cmd
}

func (a *app) importNetwork(s store.Store, path string, secrets *cipher, o handover.Options) error {
	data, err := secrets.read(path, cdb.MaxSize)
	if err != nil {
		return err
	}
	d, err := cdb.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	in, err := handover.Read(d, o)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := in.Store(s); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "The network %q was imported, with %s.\n", d.Name, counted(len(in.Records), "device"))
	fmt.Fprintf(a.stdout, "  the bridge is %s, and assigns addresses up to %s to new devices\n", in.Range.Low, in.Range.High)
	fmt.Fprintf(a.stdout, "  it uses AppKey %d\n", in.AppKey)
	if o.IVIndex == nil {
		fmt.Fprintln(a.stdout, "  the file does not contain the IV index: the bridge waits until it receives it in a beacon")
	}
	for _, note := range in.Notes {
		fmt.Fprintf(a.stdout, "  %s\n", note)
	}
	fmt.Fprintln(a.stdout, "Run \"network export\" and import the result in the app, so that the app knows the bridge's addresses.")
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// readBounded reads a file up to a maximum size.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	return readAll(f, path, most)
}

// readAll reads up to a maximum size; path is for errors.
func readAll(r io.Reader, path string, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s: expected at most %d octets, got more", path, most)
	}
	return data, nil
}

func (a *app) exportCommand() *cobra.Command {
	var secrets cipher
	cmd := a.onStore("export", "Write the network as a Mesh Configuration Database, with all its keys",
		"  btmesh2mqtt network export network.json --store.dir /var/lib/btmesh2mqtt",
		func(s store.Store, name, path string) error {
			n, err := describe(s, name)
			if err != nil {
				return err
			}
			data, err := handover.Write(n).JSON()
			if err != nil {
				return err
			}
			write, note, err := secrets.encrypting(func(w io.Writer) error { _, err := w.Write(data); return err })
			if err != nil {
				return err
			}
			if err := writeNew(path, write); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "The network %q with %s is in %s. %s\n", n.Name, counted(len(n.Peers), "device"), path, note)
			return nil
		})
	secrets.bindWriting(cmd)
	return cmd
}

// describe reads the network in a store.
func describe(s store.Store, name string) (handover.Network, error) {
	saved, err := node.Load(s)
	if err != nil {
		return handover.Network{}, err
	}
	if saved.Node == nil {
		return handover.Network{}, errNoNetwork
	}
	n := handover.Network{Name: name, Node: saved.Node, Peers: saved.Peers, Exclusions: saved.Exclusions, Now: time.Now()}
	if n.Records, err = device.Load(s); err != nil {
		return n, err
	}
	n.Kept, err = handover.LoadKept(s)
	return n, err
}

var errNoNetwork = errors.New("the store contains no network; check --store.dir")

// storeAt opens the store of a command. One that is only read must exist: to
// make an empty one would hide that the path is wrong.
func storeAt(dir string, exists bool) (store.Store, error) {
	if exists {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("expected a store at %s, there is no such directory; check --store.dir", dir)
		}
	}
	return disk.Open(dir, disk.Options{})
}

func (a *app) backupCommand() *cobra.Command {
	var secrets cipher
	cmd := a.onStore("backup", "Write the whole store to one file",
		"  btmesh2mqtt network backup network.backup --store.dir /var/lib/btmesh2mqtt",
		func(s store.Store, _, path string) error {
			if tables, err := s.Tables(); err != nil || len(tables) == 0 {
				return errors.Join(err, errNoNetwork)
			}
			write, note, err := secrets.encrypting(func(w io.Writer) error { return archive.Write(w, s, time.Now()) })
			if err != nil {
				return err
			}
			if err := writeNew(path, write); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "The backup is in %s. %s\n", path, note)
			return nil
		})
	secrets.bindWriting(cmd)
	return cmd
}

func (a *app) restoreCommand() *cobra.Command {
	var secrets cipher
	cmd := a.onStore("restore", "Fill an empty store from a backup, and skip the sequence numbers used since",
		"  btmesh2mqtt network restore network.backup --store.dir /var/lib/new",
		func(s store.Store, _, path string) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }() // read only
			// The skip is part of the restore, because without it the store
			// must not be used. So both are done in memory and stored together.
			plain, err := secrets.reader(f, path)
			if err != nil {
				return err
			}
			staged := store.NewMemory()
			made, err := archive.Read(plain, staged)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			skipped, err := node.JumpSequence(staged, time.Since(made))
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			var b bytes.Buffer
			if err := archive.Write(&b, staged, made); err != nil {
				return err
			}
			if _, err := archive.Read(&b, s); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "The store has the state of %s. %d sequence numbers are skipped, because they may have been used since.\n",
				made.Local().Format(time.DateTime), skipped)
			fmt.Fprintln(a.stdout, "Do not start the old bridge again: with two bridges at one address, devices drop the messages of both.")
			return nil
		})
	secrets.bindReading(cmd)
	return cmd
}

// writeNew creates a file that only its owner can read, completely or not at
// all. It leaves an existing file alone.
func writeNew(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("expected a new file, but %s exists: choose another name, or move it away", path)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
