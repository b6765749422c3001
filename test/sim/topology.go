package sim

import "math/rand/v2"

// Line is n nodes in a row, each of which hears its two neighbours.
func Line(n int) [][]int {
	return connect(n, func(a, b int) bool { return b-a == 1 })
}

// Grid is nodes in rows and columns; each hears its neighbours on all four
// sides.
func Grid(columns, rows int) [][]int {
	return connect(columns*rows, func(a, b int) bool {
		return b-a == columns || b-a == 1 && b%columns != 0
	})
}

// Scattered is n nodes at random places in a square. They hear each other up to
// a distance that is just large enough to connect all of them.
func Scattered(n int, seed uint64) [][]int {
	random := rand.New(rand.NewPCG(seed, 0x706c616365))
	type place struct{ x, y float64 }
	places := make([]place, n)
	for i := range places {
		places[i] = place{random.Float64(), random.Float64()}
	}
	for reach := 0.05; ; reach *= 1.1 {
		neighbours := connect(n, func(a, b int) bool {
			dx, dy := places[a].x-places[b].x, places[a].y-places[b].y
			return dx*dx+dy*dy <= reach*reach
		})
		if connected(neighbours) {
			return neighbours
		}
	}
}

// connect lists the neighbours of each node; near is called for every pair with
// a below b.
func connect(n int, near func(a, b int) bool) [][]int {
	neighbours := make([][]int, n)
	for a := range n {
		for b := a + 1; b < n; b++ {
			if near(a, b) {
				neighbours[a] = append(neighbours[a], b)
				neighbours[b] = append(neighbours[b], a)
			}
		}
	}
	return neighbours
}

// connected reports whether every node can be reached from the first.
func connected(neighbours [][]int) bool {
	reached := make([]bool, len(neighbours))
	reached[0] = true
	todo, count := []int{0}, 1
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, next := range neighbours[at] {
			if !reached[next] {
				reached[next] = true
				count++
				todo = append(todo, next)
			}
		}
	}
	return count == len(neighbours)
}

// Star is a node that hears all others, which hear nobody else.
func Star(n int) [][]int {
	return connect(n, func(a, _ int) bool { return a == 0 })
}
