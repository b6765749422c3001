package access

import (
	"cmp"
	"slices"
	"strings"
)

// Near lists at most so many names of messages that are like name, the best
// first: for who has mistyped one. Names are alike by the pairs of letters that
// they share, so that a part of a name finds the whole, and the order of the
// words does not matter much.
func (r *Registry) Near(name string, most int) []string {
	const longest, alike = 80, 0.4
	wanted := letterPairs(fold(name[:min(len(name), longest)]))
	type candidate struct {
		name  string
		score float64
	}
	var all []candidate
	for _, k := range r.kinds {
		pairs := letterPairs(fold(k.Name))
		shared := 0
		for pair, n := range wanted {
			shared += min(n, pairs[pair])
		}
		if score := 2 * float64(shared) / float64(max(total(wanted)+total(pairs), 1)); score >= alike {
			all = append(all, candidate{k.Name, score})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	var names []string
	for _, c := range all[:min(len(all), most)] {
		names = append(names, c.name)
	}
	return names
}

// letterPairs counts the pairs of letters that stand side by side in the words.
func letterPairs(text string) map[string]int {
	pairs := map[string]int{}
	for word := range strings.FieldsSeq(text) {
		for i := range len(word) - 1 {
			pairs[word[i:i+2]]++
		}
	}
	return pairs
}

func total(pairs map[string]int) int {
	sum := 0
	for _, n := range pairs {
		sum += n
	}
	return sum
}
