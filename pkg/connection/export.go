package connection

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tenantry/tenantry/pkg/fault"
)

// Export is a FOCUS export that AWS Data Exports delivers to a bucket, as the account's own settings of it say.
// https://docs.aws.amazon.com/cur/latest/userguide/dataexports-create-standard.html
type Export struct {
	Name   string `json:"name" maxLength:"128" doc:"The export's name: letters, digits and ! - _ . * ' ( ), as AWS allows them. Of the connection's exports each has another."`
	Bucket string `json:"bucket" maxLength:"63" doc:"The bucket that it is delivered to."`
	Prefix string `json:"prefix,omitempty" maxLength:"512" doc:"The path prefix in the bucket, as the export has it; slashes around it do not count."`
	Region string `json:"region,omitempty" maxLength:"32" doc:"The bucket's region; left out, the connection's first, or else the platform's."`
	Format string `json:"format,omitempty" enum:"csv,parquet" doc:"Left out, as the names of its files say."`
}

// MaxExports is how many exports a connection can have.
const MaxExports = 10

var (
	exportName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z!_.*'()-]{1,128}$`) })
	exportPrefix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z!_.*'()/-]{0,512}$`) })
	bucketName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`) })
	address      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`) })
)

// isBucket tells whether a general purpose bucket can have a name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func isBucket(name string) bool {
	bad := func(of func(string, string) bool, fixes ...string) bool {
		return slices.ContainsFunc(fixes, func(fix string) bool { return of(name, fix) })
	}
	return bucketName().MatchString(name) && !strings.Contains(name, "..") && !address().MatchString(name) &&
		!bad(strings.HasPrefix, "xn--", "sthree-", "amzn-s3-demo-") && !bad(strings.HasSuffix, "-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
}

// bucketRule says what names buckets have.
const bucketRule = "is no name of a bucket: 3 to 63 lower-case letters, digits, - and single dots, with a letter or digit at both ends, and none of the endings and " +
	"beginnings that AWS keeps for itself"

// exports checks exports of an account in a partition, each with another name; none is nil.
func exports(all []Export, partition string) (checked []Export, err error) {
	bad := fault.New(fault.Invalid, "The exports are not acceptable; errors says where.")
	for i, e := range all {
		at := func(field, detail, value string) { bad.At(fmt.Sprintf("body.exports[%d].%s", i, field), detail, value) }
		e.Prefix = strings.Trim(e.Prefix, "/")
		if !exportName().MatchString(e.Name) || e.Name == "." || e.Name == ".." {
			at("name", "is no name of an export: 1 to 128 letters, digits and ! - _ . * ' ( )", e.Name)
		}
		if slices.ContainsFunc(checked, func(other Export) bool { return other.Name == e.Name }) {
			at("name", "is there twice", e.Name)
		}
		if !isBucket(e.Bucket) {
			at("bucket", bucketRule, e.Bucket)
		}
		if !exportPrefix().MatchString(e.Prefix) || e.Prefix != "" && slices.ContainsFunc(strings.Split(e.Prefix, "/"), func(part string) bool {
			return part == "" || part == "." || part == ".."
		}) {
			at("prefix", "is no prefix of an export: letters, digits and ! - _ . * ' ( ), with single slashes between", e.Prefix)
		}
		if e.Region != "" {
			if why := noRegion(e.Region, partition); why != "" {
				at("region", why, e.Region)
			}
		}
		checked = append(checked, e)
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	return checked, nil
}

// buckets names the buckets of the exports, and one more that may be "", each once.
func (c Connection) buckets(another string) (all []string) {
	for _, e := range c.Exports {
		all = append(all, e.Bucket)
	}
	if another != "" {
		all = append(all, another)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
