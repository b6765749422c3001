package excerpt_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc..."},
		{"aé", 3, "aé"},
		{"abéd", 3, "ab..."},
		{"a\u65e5x", 3, "a..."},
		{"a\U0001F4A1x", 4, "a..."},
		{"a\U0001F4A1x", 5, "a\U0001F4A1..."},
		{"a\xff", 3, "a\uFFFD"},
		{"a\xffbcd", 3, "a\uFFFDb..."},
		{"\x80\x80\x80\x80\x80\x80", 5, "\uFFFD..."},
	} {
		if got := excerpt.Of(c.s, c.most); got != c.want {
			t.Errorf("%d octets of %q: %q, want %q", c.most, c.s, got, c.want)
		}
	}
}
