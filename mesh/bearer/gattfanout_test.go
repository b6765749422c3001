package bearer_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// dialler records its calls.
type dialler struct {
	made           []bearer.LinkID
	ended          int
	written        int
	advertisements int
	full           bearer.LinkID // a connection that accepts nothing
}

func (d *dialler) Connect(id bearer.LinkID, _ uint8, _ bearer.Peer, _ bearer.Service) {
	d.made = append(d.made, id)
}
func (d *dialler) Disconnect(bearer.LinkID)                    { d.ended++ }
func (d *dialler) Advertise([]bearer.ConnectableAdvertisement) { d.advertisements++ }
func (d *dialler) Write(id bearer.LinkID, _ []byte) error {
	if id == d.full {
		return bearer.ErrFull
	}
	d.written++
	return nil
}

func TestGATTFanout(t *testing.T) {
	first, last := &dialler{}, &dialler{full: 7}
	f := bearer.GATTFanout{first, nil, last}
	f.Connect(1, 0, bearer.Peer{}, bearer.ProxyService)
	f.Connect(2, 2, bearer.Peer{}, bearer.ProxyService)
	f.Connect(3, 1, bearer.Peer{}, bearer.ProxyService)
	f.Connect(4, 9, bearer.Peer{}, bearer.ProxyService)
	if !slices.Equal(first.made, []bearer.LinkID{1, 3, 4}) || !slices.Equal(last.made, []bearer.LinkID{2}) {
		t.Errorf("made %v and %v", first.made, last.made)
	}
	if err := f.Write(7, []byte{1}); !errors.Is(err, bearer.ErrFull) {
		t.Errorf("%v", err)
	}
	if err := f.Write(1, []byte{1}); err != nil || first.written == 0 {
		t.Errorf("%v", err)
	}
	f.Disconnect(1)
	f.Advertise(nil)
	if first.ended+last.ended != 2 || first.advertisements+last.advertisements != 2 {
		t.Error("a radio was left out")
	}
	if !f.Any() || (bearer.GATTFanout{nil}).Any() {
		t.Error("Any is wrong")
	}
}
