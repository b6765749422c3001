//go:build !race

package service

// withRace builds the program with the race detector, too.
const withRace = false
