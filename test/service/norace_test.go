//go:build !race

package service

// withRace makes the tests watch the program with the race detector, too.
const withRace = false
