package outside

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New()
		hang, failed := make(chan struct{}), errors.New("failed")
		stuck := func() (int, error) { <-hang; return 0, nil }
		expect := func(ctx context.Context, f func() (int, error), want int, code string, takes time.Duration) {
			t.Helper()
			began := time.Now()
			got, err := Do(ctx, r, "reading", f)
			if got != want || (err == nil) != (code == "") || err != nil && fault.Code(err) != code {
				t.Errorf("got %d, %v, expected %d and the code %q", got, err, want, code)
			}
			if d := time.Since(began); d != takes {
				t.Errorf("it took %s, expected %s", d, takes)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		expect(ctx, func() (int, error) { return 7, nil }, 7, "", 0)
		expect(ctx, func() (int, error) { return 0, failed }, 0, "failed", 0)
		expect(ctx, func() (int, error) { time.Sleep(time.Second); return 7, nil }, 7, "", time.Second)
		expect(ctx, stuck, 0, "timeout", patience)
		stop()
		expect(ctx, stuck, 0, "stopped", grace)
		expect(ctx, func() (int, error) { time.Sleep(time.Second); return 7, nil }, 7, "", time.Second)
		expect(t.Context(), stuck, 0, "timeout", patience)
		expect(t.Context(), stuck, 0, "timeout", patience)
		expect(t.Context(), stuck, 0, "busy", 0) // too many were left behind
		close(hang)
		synctest.Wait()
		expect(t.Context(), func() (int, error) { return 7, nil }, 7, "", 0)
	})
}
