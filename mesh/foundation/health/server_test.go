package foundation_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

func TestHealthFaults(t *testing.T) {
	const company mesh.CompanyID = 0x1234
	h := foundation.NewHealth(company)
	h.SelfTest(func(test uint8) []uint8 {
		if test == 3 {
			return []uint8{7, 9, 7, 0}
		}
		return nil
	})
	b := servertest.New(t, h.Model())
	hasten := h.Model().(access.Hastener)
	expect := func(what string, m, want access.Message) {
		t.Helper()
		if got := b.Send(m); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	get := &foundation.HealthFaultGet{CompanyID: company}
	expect("no faults", get, &foundation.HealthFaultStatus{CompanyID: company})
	expect("another company", &foundation.HealthFaultGet{CompanyID: 1}, nil)
	expect("fast period", &foundation.HealthPeriodSet{FastPeriodDivisor: 4}, &foundation.HealthPeriodStatus{FastPeriodDivisor: 4})
	if p := hasten.Hasten(16 * time.Second); p != 16*time.Second {
		t.Errorf("without faults the period is %s", p)
	}

	expect("a test that fails", &foundation.HealthFaultTest{TestID: 3, CompanyID: company}, &foundation.HealthFaultStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}})
	current := &foundation.HealthCurrentStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}}
	if len(b.Published) != 1 || !reflect.DeepEqual(b.Published[0].Message, current) {
		t.Errorf("published: %+v", b.Published)
	}
	if p := hasten.Hasten(16 * time.Second); p != time.Second {
		t.Errorf("with faults the period is %s", p)
	}
	if p := hasten.Hasten(time.Second); p != 100*time.Millisecond {
		t.Errorf("the shortest period is %s", p)
	}
	if p := hasten.Hasten(0); p != 0 {
		t.Errorf("without a period it is %s", p)
	}

	// What was present stays registered until it is cleared.
	b.Published = nil
	h.SetFaults(b.Time, 9)
	b.Pass(time.Second)
	expect("registered", get, &foundation.HealthFaultStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}})
	current.FaultArray = []uint8{9}
	if len(b.Published) != 1 || !reflect.DeepEqual(b.Published[0].Message, current) {
		t.Errorf("published: %+v", b.Published)
	}
	again := foundation.NewHealth(company)
	if err := again.Restore(h.State()); err != nil {
		t.Fatal(err)
	}
	if got := servertest.New(t, again.Model()).Send(get); !reflect.DeepEqual(got, &foundation.HealthFaultStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}}) {
		t.Errorf("after a restart: %+v", got)
	}
	expect("cleared", &foundation.HealthFaultClear{CompanyID: company}, &foundation.HealthFaultStatus{TestID: 3, CompanyID: company})
	many := make([]uint8, 255)
	for i := range many {
		many[i] = uint8(i + 1)
	}
	h.SetFaults(b.Time, many...)
	status, ok := b.Send(get).(*foundation.HealthFaultStatus)
	if !ok || len(status.FaultArray) != foundation.MaxFaults {
		t.Errorf("%+v", status)
	}
}

func TestHealthAttention(t *testing.T) {
	h := foundation.NewHealth(1)
	b := servertest.New(t, h.Model())
	if got := b.Send(&foundation.HealthAttentionSet{Attention: 10}); !reflect.DeepEqual(got, &foundation.HealthAttentionStatus{Attention: 10}) {
		t.Errorf("%+v", got)
	}
	b.Pass(4 * time.Second)
	if got := b.Send(&foundation.HealthAttentionGet{}); !reflect.DeepEqual(got, &foundation.HealthAttentionStatus{Attention: 6}) {
		t.Errorf("%+v", got)
	}
	b.Pass(7 * time.Second)
	if got := h.Attention(b.Time); got != 0 {
		t.Errorf("%d s after its end", got)
	}
}
