package disk

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// childDir is the environment variable that makes the test binary a child
// process, which fills the store in that directory.
const childDir = "MESH_STORE_TEST_CHILD"

// child appends and applies until it is killed, and prints what was
// acknowledged: "R src iv seq" for a replay entry, "T value" for the table.
func child(dir string) int {
	s, err := Open(dir, Options{SyncEvery: time.Millisecond, compactSlots: 64})
	if err != nil {
		fmt.Println("E", err)
		return 1
	}
	count := 0
	if b, err := s.Get("t", "count"); err == nil {
		count, _ = strconv.Atoi(string(b))
	}
	next := make(map[mesh.Address]store.ReplayEntry)
	if err := s.Replay(func(e store.ReplayEntry) { next[e.Src] = e }); err != nil {
		fmt.Println("E", err)
		return 1
	}
	for {
		var batch []store.ReplayEntry
		for range 1 + rand.IntN(3) {
			src := mesh.Address(1 + rand.IntN(8))
			e := next[src]
			e.Src, e.Seq = src, e.Seq+1
			next[src] = e
			batch = append(batch, e)
		}
		if err := s.AppendReplay(batch); err != nil {
			fmt.Println("E", err)
			return 1
		}
		for _, e := range batch {
			fmt.Println("R", uint16(e.Src), uint32(e.IVIndex), uint32(e.Seq))
		}
		if rand.IntN(32) == 0 {
			count++
			if err := s.Apply(store.Change{Table: "t", Key: "count", Value: []byte(strconv.Itoa(count))}); err != nil {
				fmt.Println("E", err)
				return 1
			}
			fmt.Println("T", count)
		}
	}
}

// TestKill kills a process that appends at random times, repeatedly in one
// directory: everything that was acknowledged is there, and nothing looks
// damaged.
func TestKill(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	promised := make(map[mesh.Address]store.ReplayEntry)
	count, total := 0, 0
	for range rounds {
		total += killOne(t, dir, promised, &count)
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[mesh.Address]store.ReplayEntry)
		if err := s.Replay(func(e store.ReplayEntry) { got[e.Src] = e }); err != nil {
			t.Fatal(err)
		}
		for src, want := range promised {
			if want.Newer(got[src]) {
				t.Errorf("source %v: promised %v, found %v", src, want, got[src])
			}
		}
		if b, _ := s.Get("t", "count"); count > 0 {
			if n, err := strconv.Atoi(string(b)); err != nil || n < count {
				t.Errorf("table: promised %d, found %q", count, b)
			}
		}
		if stats := s.Stats(); stats.Damaged > 0 {
			t.Errorf("a killed process left damage: %+v", stats)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d promises in %d rounds", total, rounds)
	if total < rounds {
		t.Errorf("only %d promises in %d rounds: the child did not work", total, rounds)
	}
}

// killOne runs one child until it is killed, and records what was acknowledged.
func killOne(t *testing.T, dir string, promised map[mesh.Address]store.ReplayEntry, count *int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := 1 + rand.IntN(400)
	lines := 0
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if lines++; lines == kill {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		// What the child had written to the pipe counts, also after the kill. A
		// truncated last line does not parse and does not count.
		var e store.ReplayEntry
		if n, _ := fmt.Sscanf(scan.Text(), "R %d %d %d", &e.Src, &e.IVIndex, &e.Seq); n == 3 {
			promised[e.Src] = e
		} else if n, _ := fmt.Sscanf(scan.Text(), "T %d", count); n != 1 && lines < kill {
			t.Fatalf("child: %s", scan.Text())
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended before it was killed")
	}
	return lines
}
