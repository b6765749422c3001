package provision

import "testing"

// TestDrawsDoNotRepeat: a value that a device displays uses the full range of
// its size and is never used for another attempt.
func TestDrawsDoNotRepeat(t *testing.T) {
	const draws = 10000
	random := seeded(6)
	seen := map[string]bool{}
	letters := map[byte]bool{}
	for range draws {
		text, err := (&Prompt{Method: OutputOOB, Action: OutputAlphanumeric, Size: 8}).draw(random)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) != 8 || seen[text] {
			t.Fatalf("drawn %q after %d others", text, len(seen))
		}
		seen[text] = true
		for i := range len(text) {
			letters[text[i]] = true
		}
	}
	const digitsAndLetters = 10 + 26
	if len(letters) != digitsAndLetters {
		t.Errorf("%d characters are in use, expected %d", len(letters), digitsAndLetters)
	}
}

// TestStrongerAlgorithmIsChosen: a device that supports both does not get the
// one whose value can be found by trying.
func TestStrongerAlgorithmIsChosen(t *testing.T) {
	s := staticSetup(AllAlgorithms)
	l := newLockstep(t, s)
	var start []byte
	l.tamper = func(fromDevice bool, pdu []byte) []byte {
		if !fromDevice && pdu[0] == typeStart {
			start = pdu
		}
		return pdu
	}
	l.run()
	if start == nil || Algorithm(start[1]) != HMAC {
		t.Errorf("start %x, expected algorithm %d", start, HMAC)
	}
}
