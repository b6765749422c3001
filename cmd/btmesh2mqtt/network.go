package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

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
		Short: "Import, export, back up, restore and repair the network of a store",
		Long: "The store must not be in use: stop the service first. While it runs, the requests\n" +
			"network/export and network/backup do the same.",
		Example: "  btmesh2mqtt network import phone.json --store.dir /var/lib/btmesh2mqtt\n" +
			"  btmesh2mqtt network export network.json --store.dir /var/lib/btmesh2mqtt\n" +
			"  btmesh2mqtt network backup network.backup --store.dir /var/lib/btmesh2mqtt\n" +
			"  btmesh2mqtt network restore network.backup --store.dir /var/lib/new",
	}
	cmd.AddCommand(a.importCommand(), a.exportCommand(), a.backupCommand(), a.restoreCommand(), a.repairCommand())
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
				for _, text := range s.Findings() {
					fmt.Fprintln(a.stderr, "the store was damaged: "+text)
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
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	nodes, err := secrets.seekable(f, path)
	if err != nil {
		return err
	}
	d, err := cdb.Open(nodes)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	in, err := handover.ReadFrom(d, o)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := in.Store(s); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "The network %q was imported, with %s.\n", d.Head().Name, counted(len(in.Records), "device"))
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

func (a *app) exportCommand() *cobra.Command {
	var secrets cipher
	cmd := a.onStore("export", "Write the network as a Mesh Configuration Database, with all its keys",
		"  btmesh2mqtt network export network.json --store.dir /var/lib/btmesh2mqtt",
		func(s store.Store, name, path string) error {
			n, err := describe(s, name)
			if err != nil {
				return err
			}
			write, note, err := secrets.encrypting(func(w io.Writer) error {
				buffered := bufio.NewWriter(w)
				return errors.Join(handover.Export(buffered, s, n), buffered.Flush())
			})
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

// describe reads the network in a store, without what Export reads by itself.
func describe(s store.Store, name string) (handover.Network, error) {
	saved, err := node.Load(s)
	if err != nil {
		return handover.Network{}, err
	}
	if saved.Node == nil {
		return handover.Network{}, errNoNetwork
	}
	return handover.Network{Name: name, Node: saved.Node, Peers: saved.Peers, Exclusions: saved.Exclusions, Now: time.Now()}, nil
}

var errNoNetwork = errors.New("the store contains no network; check --store.dir")

// storeAt opens the store of a command. One that is only read must exist: to
// make an empty one would hide that the path is wrong.
func storeAt(dir string, exists bool) (*disk.Store, error) {
	if exists {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("expected a store at %s, there is no such directory; check --store.dir", dir)
		}
	}
	s, err := disk.Open(dir, disk.Options{Keep: keptOutside()})
	return s, remedy(dir, err)
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
	replace := false
	var secrets cipher
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Fill an empty store from a backup, and skip the sequence numbers used since",
		Long: "The backup is marked as restored, so that a second restore of it begins behind the\n" +
			"sequence numbers of the first one. Never run two bridges that were restored from it.",
		Example: "  btmesh2mqtt network restore network.backup --store.dir /var/lib/new\n" +
			"  btmesh2mqtt network restore network.backup --replace --store.dir /var/lib/btmesh2mqtt",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("expected one file, got %d arguments: %s FILE", len(args), cmd.CommandPath())
		}
		return works(func(cmd *cobra.Command) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			return a.restore(args[0], loaded.Config.Store.Dir, &secrets, replace)
		})(cmd, nil)
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "set the store aside that is there, damaged or not, and take over its replay list and sequence numbers")
	secrets.bindReading(cmd)
	a.bindConfig(cmd)
	return cmd
}

// restore fills the store in dir from a backup.
func (a *app) restore(path, dir string, secrets *cipher, replace bool) error {
	// The skip is part of the restore, because without it the store must not be
	// used. So both are done in memory and stored together.
	staged := store.NewMemory()
	origin, marks, err := readBackup(path, secrets, staged)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var old disk.Remains
	if replace {
		if old, err = disk.Look(dir); err != nil {
			return err
		}
	}
	// Nothing is moved before it is clear that the backup can be used: the next attempt
	// needs the numbers and the replay list of the store that is there.
	since := origin.Made
	if origin.Restores > 0 {
		since = origin.Last.Time
	}
	skipped, first, err := node.JumpBeyond(staged, node.Jump{
		Age: time.Since(since), From: origin.Last.Seq, Used: old.Kept, Random: rand.Reader,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := staged.AppendReplay(old.Replay); err != nil {
		return err
	}
	if err := markable(marks); err != nil {
		return err
	}
	if replace {
		aside, err := disk.SetAside(dir, time.Now())
		if err != nil {
			return err
		}
		old.Dir = aside.Dir
	}
	s, err := storeAt(dir, false)
	if err != nil {
		return err
	}
	restores := origin.Restores
	if err := errors.Join(fill(s, staged, marks, origin, first), s.Close()); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "The store has the state of %s. %d sequence numbers are skipped, because they may have been used since.\n",
		origin.Made.Local().Format(time.DateTime), skipped)
	if restores > 0 {
		fmt.Fprintf(a.stdout, "This backup was restored before, the last time on %s. That bridge must not run any more.\n",
			since.Local().Format(time.DateTime))
	}
	if old.Dir != "" {
		fmt.Fprintf(a.stdout, "The files of the store that was there are in %s. Its replay list of %s was taken over.\n",
			old.Dir, counted(len(old.Replay), "device"))
	}
	fmt.Fprintln(a.stdout, "Do not start the old bridge again: with two bridges at one address, devices drop the messages of both.")
	return nil
}

// readBackup reads a backup into an empty store. marks is the file in which its restores
// are recorded: the backup itself, and beside an encrypted one a file of its own.
func readBackup(path string, secrets *cipher, into store.Store) (origin archive.Origin, marks string, err error) {
	f, err := openRegular(path)
	if err != nil {
		return origin, "", err
	}
	defer func() { _ = f.Close() }() // read only
	content, was, err := secrets.reader(f, path)
	if err != nil || !was {
		if err == nil {
			origin, err = archive.Restore(content, into)
		}
		return origin, path, err
	}
	marks = path + ".restored"
	m, err := os.OpenFile(marks, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return origin, marks, fmt.Errorf("the restore cannot be recorded beside the backup: %w", err)
	}
	defer func() { _ = m.Close() }() // read only
	origin, err = archive.Restore(io.MultiReader(content, m), into)
	return origin, marks, err
}

// fill stores a backup that was read, after it has recorded the restore, whose first
// sequence number is first.
func fill(s, staged store.Store, marks string, origin archive.Origin, first mesh.SequenceNumber) error {
	if tables, err := s.Tables(); err != nil || len(tables) > 0 {
		return errors.Join(err, archive.ErrNotEmpty)
	}
	if err := markRestored(marks, &origin, first); err != nil {
		return unmarked(err)
	}
	var b bytes.Buffer
	if err := archive.Write(&b, staged, origin.Made); err != nil {
		return err
	}
	_, err := archive.Read(&b, s)
	return err
}

// markable is an error if a restore cannot be recorded in a file.
func markable(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return unmarked(err)
	}
	return f.Close()
}

func unmarked(err error) error {
	return fmt.Errorf("the backup cannot be marked as restored, and a second restore would use the same sequence numbers: %w; "+
		"restore a copy of it that can be written, and never this one again", err)
}

// markRestored records a restore at the end of a backup, or of the file for its marks.
func markRestored(path string, origin *archive.Origin, first mesh.SequenceNumber) error {
	mark, err := origin.Mark(time.Now(), first)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if info.Size() > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
			return errors.Join(err, f.Close())
		}
		if last[0] != '\n' {
			mark = append([]byte{'\n'}, mark...)
		}
	}
	_, err = f.WriteAt(mark, info.Size())
	return errors.Join(err, f.Sync(), f.Close())
}

// repairCommand opens a store from which something is lost.
func (a *app) repairCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Go on with what is left of a damaged store, and tell what is lost",
		Long: "A lost replay list means that messages that somebody has recorded could be acted on again.\n" +
			"Lost transactions mean that the last changes are missing, such as a device that was added.\n" +
			"Lost values are named with their table: devices, states and so on.\n" +
			"Sequence numbers are skipped, so that none is used twice. A backup is the better choice.",
		Example: "  btmesh2mqtt network repair --store.dir /var/lib/btmesh2mqtt",
		Args:    cobra.NoArgs,
		RunE: works(func(cmd *cobra.Command) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			dir := loaded.Config.Store.Dir
			s, err := disk.Open(dir, disk.Options{Keep: keptOutside(), Traces: traces(dir), Repair: true})
			if err != nil {
				return err
			}
			return errors.Join(a.repair(s), s.Close())
		}),
	}
	a.bindConfig(cmd)
	return cmd
}

func (a *app) repair(s *disk.Store) error {
	findings := s.Findings()
	for _, text := range findings {
		fmt.Fprintln(a.stdout, text)
	}
	saved, err := node.Load(s)
	if err != nil {
		return err
	}
	if len(findings) == 0 {
		fmt.Fprintln(a.stdout, "The store is not damaged.")
		return nil
	}
	if saved.Node == nil || !saved.Node.IsProvisioned() {
		return nil
	}
	skipped, err := node.JumpSequence(s, 0)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "The store can be used again. %d sequence numbers are skipped.\n", skipped)
	return nil
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
