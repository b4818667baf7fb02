//go:build race

package rollup_test

func init() { distinct = 200_000 } // ten times slower
