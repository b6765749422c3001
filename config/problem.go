package config

import (
	"fmt"
	"strings"
)

// Problem is one error in the configuration.
type Problem struct {
	Key     string // dotted name, file name or variable
	Message string // what was expected and what arrived
	Place   string // file and line, variable or flag; may be empty
}

// String returns the problem on one line.
func (p Problem) String() string {
	if p.Place == "" || p.Place == p.Key {
		return fmt.Sprintf("%s: %s", p.Key, p.Message)
	}
	return fmt.Sprintf("%s: %s (%s)", p.Key, p.Message, p.Place)
}

// Invalid is the error for a configuration with at least one problem.
type Invalid struct {
	Problems []Problem
}

// Error lists all problems, one per line.
func (e *Invalid) Error() string {
	var b strings.Builder
	if len(e.Problems) == 1 {
		b.WriteString("config: one problem:")
	} else {
		fmt.Fprintf(&b, "config: %d problems:", len(e.Problems))
	}
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

// Nearest returns the candidate that is most similar to name, or "" if none is
// similar.
func Nearest(name string, candidates []string) string {
	best, least := "", max(2, len(name)/4)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of octets to insert, delete or replace to turn a into
// b (Levenshtein). Excessively long names are far from everything.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
