package capture

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// recordVariable makes the test binary a recorder that the test kills.
const recordVariable = "CAPTURE_TEST_RECORD"

func TestMain(m *testing.M) {
	if path := os.Getenv(recordVariable); path != "" {
		if err := recordForever(path); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
