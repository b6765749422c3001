package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A service that does not stop, because something in it hangs, is left behind.
func TestServiceThatDoesNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, stop)
		began := time.Now()
		err := stoppable(ctx, func(context.Context) error { <-hang; return nil })
		if err == nil || !strings.Contains(err.Error(), "did not stop") {
			t.Errorf("got %v", err)
		}
		if d := time.Since(began); d != time.Hour+stopPatience {
			t.Errorf("it took %s", d)
		}
		close(hang)
		failed := errors.New("failed")
		if err := stoppable(ctx, func(context.Context) error { time.Sleep(time.Second); return failed }); !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
	})
}
