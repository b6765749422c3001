//go:build race

package sim_test

// minutes of the storm of forgeries.
const minutes = 10
