package access

import (
	"cmp"
	"slices"
	"strings"
)

// Near lists at most n message names that are similar to name, the most similar
// first, as suggestions for a misspelt name. Names are compared by the letter
// pairs that they share. So a part of a name matches the whole, and the order
// of words matters little.
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

// letterPairs counts the pairs of adjacent letters in the words.
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
