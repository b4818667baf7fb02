package focus

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Versions are the FOCUS versions that are read and written, oldest first.
var Versions = []string{"1.0", "1.1", "1.2", "1.3", "1.4"}

// Column is a column of a version: its name, and the field of Record that it is of.
type Column struct {
	Name  string
	Field int
}

// Columns gives the columns of a version by name.
func Columns(version string) ([]Column, error) {
	columns, err := columnsOf(version)
	all := make([]Column, len(columns))
	for i, c := range columns {
		all[i] = Column{c.name, c.field}
	}
	return all, err
}

// column is a column of the FOCUS cost and usage dataset.
type column struct {
	name        string
	field       int // of Record
	since, last int // indexes into Versions
}

// dataset holds the columns of all versions by name, read from the tags of Record.
var dataset = func() (columns []column) {
	version := func(text string, absent int) int {
		if i := slices.Index(Versions, text); i >= 0 {
			return i
		}
		return absent
	}
	record := reflect.TypeFor[Record]()
	for i := range record.NumField() {
		for text := range strings.SplitSeq(record.Field(i).Tag.Get("focus"), ",") {
			name, span, _ := strings.Cut(text, " ")
			since, last, _ := strings.Cut(span, "-")
			columns = append(columns, column{name, i, version(since, 0), version(last, len(Versions)-1)})
		}
	}
	slices.SortFunc(columns, func(a, b column) int { return cmp.Compare(a.name, b.name) })
	return columns
}()

// columnsOf gives the columns of a version by name.
func columnsOf(version string) ([]column, error) {
	v := slices.Index(Versions, version)
	if v < 0 {
		return nil, fmt.Errorf("FOCUS version %q is not one of %s", version, strings.Join(Versions, ", "))
	}
	return slices.DeleteFunc(slices.Clone(dataset), func(c column) bool { return v < c.since || v > c.last }), nil
}

// versionOf tells the version of a file by its header: the newest that brought a column it has. FOCUS 1.4 took the old
// provider columns away, so a file that has the new ones alone is of 1.4.
func versionOf(header []string) string {
	newest := 0
	for _, c := range dataset {
		if slices.Contains(header, c.name) {
			newest = max(newest, c.since)
		}
	}
	if slices.Contains(header, "ServiceProviderName") && !slices.Contains(header, "ProviderName") {
		newest = len(Versions) - 1
	}
	return Versions[newest]
}
