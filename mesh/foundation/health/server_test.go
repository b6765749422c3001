package health_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/health"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

func TestHealthFaults(t *testing.T) {
	const company mesh.CompanyID = 0x1234
	h := health.NewServer(company)
	h.SelfTest(func(test uint8) []uint8 {
		if test == 3 {
			return []uint8{7, 9, 7, 0}
		}
		return nil
	})
	b := servertest.New(t, h.Model())
	hasten := h.Model().(access.FastPublisher)
	expect := func(what string, m, want access.Message) {
		t.Helper()
		if got := b.Send(m); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, expected %+v", what, got, want)
		}
	}
	get := &health.FaultGet{CompanyID: company}
	expect("no faults", get, &health.FaultStatus{CompanyID: company})
	expect("another company", &health.FaultGet{CompanyID: 1}, nil)
	expect("fast period", &health.PeriodSet{FastPeriodDivisor: 4}, &health.PeriodStatus{FastPeriodDivisor: 4})
	if p := hasten.FastPeriod(16 * time.Second); p != 16*time.Second {
		t.Errorf("without faults the period is %s", p)
	}

	expect("a test that fails", &health.FaultTest{TestID: 3, CompanyID: company}, &health.FaultStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}})
	current := &health.CurrentStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}}
	if len(b.Published) != 1 || !reflect.DeepEqual(b.Published[0].Message, current) {
		t.Errorf("published: %+v", b.Published)
	}
	if p := hasten.FastPeriod(16 * time.Second); p != time.Second {
		t.Errorf("with faults the period is %s", p)
	}
	if p := hasten.FastPeriod(time.Second); p != 100*time.Millisecond {
		t.Errorf("the shortest period is %s", p)
	}
	if p := hasten.FastPeriod(0); p != 0 {
		t.Errorf("without a period the fast period is %s", p)
	}

	// A fault that was present stays registered until it is cleared.
	b.Published = nil
	h.SetFaults(b.Time, 9)
	b.Pass(time.Second)
	expect("registered", get, &health.FaultStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}})
	current.FaultArray = []uint8{9}
	if len(b.Published) != 1 || !reflect.DeepEqual(b.Published[0].Message, current) {
		t.Errorf("published: %+v", b.Published)
	}
	again := health.NewServer(company)
	if err := again.Restore(h.State()); err != nil {
		t.Fatal(err)
	}
	if got := servertest.New(t, again.Model()).Send(get); !reflect.DeepEqual(got, &health.FaultStatus{TestID: 3, CompanyID: company, FaultArray: []uint8{7, 9}}) {
		t.Errorf("after a restart: %+v", got)
	}
	expect("cleared", &health.FaultClear{CompanyID: company}, &health.FaultStatus{TestID: 3, CompanyID: company})
	many := make([]uint8, 255)
	for i := range many {
		many[i] = uint8(i + 1)
	}
	h.SetFaults(b.Time, many...)
	status, ok := b.Send(get).(*health.FaultStatus)
	if !ok || len(status.FaultArray) != health.MaxFaults {
		t.Errorf("%+v", status)
	}
}

func TestHealthAttention(t *testing.T) {
	h := health.NewServer(1)
	b := servertest.New(t, h.Model())
	if got := b.Send(&health.AttentionSet{Attention: 10}); !reflect.DeepEqual(got, &health.AttentionStatus{Attention: 10}) {
		t.Errorf("%+v", got)
	}
	b.Pass(4 * time.Second)
	if got := b.Send(&health.AttentionGet{}); !reflect.DeepEqual(got, &health.AttentionStatus{Attention: 6}) {
		t.Errorf("%+v", got)
	}
	b.Pass(7 * time.Second)
	if got := h.Attention(b.Time); got != 0 {
		t.Errorf("attention is %d s after its end", got)
	}
}

func TestHealthServer(t *testing.T) {
	h := health.NewServer(0xFFFF)
	b := servertest.New(t, h.Model())
	none := &health.FaultStatus{CompanyID: 0xFFFF}
	play := func(name string, send, want access.Message) {
		t.Helper()
		got := b.Send(send)
		if want == nil {
			if got != nil {
				t.Errorf("%s: expected no answer, got %+v", name, got)
			}
			return
		}
		octets, _ := access.Append(nil, want)
		if got == nil {
			t.Errorf("%s: no answer", name)
		} else if said, _ := access.Append(nil, got); !slices.Equal(said, octets) {
			t.Errorf("%s: got %+v, expected %+v", name, got, want)
		}
	}
	play("faults", &health.FaultGet{CompanyID: 0xFFFF}, none)
	play("faults of another company", &health.FaultGet{CompanyID: 1}, nil)
	play("clear", &health.FaultClear{CompanyID: 0xFFFF}, none)
	play("test", &health.FaultTest{TestID: 3, CompanyID: 0xFFFF}, &health.FaultStatus{TestID: 3, CompanyID: 0xFFFF})
	play("test of another company", &health.FaultTest{TestID: 4, CompanyID: 1}, nil)
	play("faults", &health.FaultGet{CompanyID: 0xFFFF}, &health.FaultStatus{TestID: 3, CompanyID: 0xFFFF})
	play("period", &health.PeriodSet{FastPeriodDivisor: 4}, &health.PeriodStatus{FastPeriodDivisor: 4})
	play("period", &health.PeriodGet{}, &health.PeriodStatus{FastPeriodDivisor: 4})
	play("attention", &health.AttentionSet{Attention: 10}, &health.AttentionStatus{Attention: 10})
	b.Pass(6500 * time.Millisecond)
	play("attention counts down", &health.AttentionGet{}, &health.AttentionStatus{Attention: 4})
	b.Pass(4 * time.Second)
	play("attention has ended", &health.AttentionGet{}, &health.AttentionStatus{})

	state := h.State()
	again := health.NewServer(0xFFFF)
	if err := again.Restore(state); err != nil {
		t.Fatal(err)
	}
	b = servertest.New(t, again.Model())
	play("period after a restart", &health.PeriodGet{}, &health.PeriodStatus{FastPeriodDivisor: 4})
	b.Periodic(again.Model())
	if p := b.Publications(); len(p) != 1 || p[0].Message.Opcode() != health.OpCurrentStatus {
		t.Errorf("published %+v", p)
	}
	if again.Restore([]byte("x")) == nil {
		t.Error("an invalid state was restored without an error")
	}
}
