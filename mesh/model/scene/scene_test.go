package scene_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scene"
)

func TestOctets(t *testing.T) {
	for _, c := range []struct {
		m        access.Message
		expected string
	}{
		{&scene.Recall{SceneNumber: 0x0102, TID: 3}, "8242020103"},
		{&scene.Status{StatusCode: scene.NotFound}, "5e020000"},
		{&scene.RegisterStatus{CurrentScene: 1, Scenes: []uint16{1, 2}}, "824500010001000200"},
		{&scene.DeleteUnacknowledged{Delete: scene.Delete{SceneNumber: 5}}, "829f0500"},
	} {
		if got, err := access.Append(nil, c.m); err != nil || hex.EncodeToString(got) != c.expected {
			t.Errorf("%T: expected %s, got %x, %v", c.m, c.expected, got, err)
		}
	}
}

func TestSceneZeroIsProhibited(t *testing.T) {
	for _, m := range []access.Message{new(scene.Recall), new(scene.Store), new(scene.Delete)} {
		if _, err := access.Append(nil, m); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%T: %v", m, err)
		}
	}
}
