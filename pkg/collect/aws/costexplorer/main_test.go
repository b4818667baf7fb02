package costexplorer_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain has properties checked 20 times where nothing says how often: each time takes a server of its own.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("20")
	}
	os.Exit(m.Run())
}
