//go:build race

package sim_test

// minutes of forged traffic
const minutes = 10
