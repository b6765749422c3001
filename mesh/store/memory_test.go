package store_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/internal/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Opener {
		return storetest.Opener{Forgets: true, Open: func() (store.Store, error) { return store.NewMemory(), nil }}
	})
}
