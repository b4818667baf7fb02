package dataexport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Bounds.
const (
	maxFiles    = 500     // of a delivery, which is one item; a billing period may have more by itself
	maxPeriod   = 1500    // files of a billing period
	maxManifest = 4 << 20 // bytes
	maxFolders  = 20      // that a manifest's files lie in: AWS writes all of a delivery into one
	maxPages    = 20      // of a list, 1,000 objects each
)

// root is where an export lies in its bucket.
func root(e connection.Export) string {
	if e.Prefix == "" {
		return e.Name + "/"
	}
	return e.Prefix + "/" + e.Name + "/"
}

// object is what a list says of one.
type object struct {
	file
	Modified int64 // Unix milliseconds
}

func (o object) stamp() stamp { return stamp{o.ETag, o.Modified} }

// look finds out what of an export is new, and begins to copy it; where nothing is, it goes on to the next export.
func (s *step) look(ctx context.Context, e connection.Export) error {
	manifests, err := s.manifests(ctx, e)
	if err != nil {
		return s.left(ctx, e, err)
	}
	if len(manifests) == 0 {
		s.task.Aside(fmt.Sprintf("The export %s has not been delivered yet: there is no manifest below s3://%s/%smetadata/. AWS takes up to 24 hours for the "+
			"first delivery; if it is older, see whether name, bucket and prefix are those of the export.", e.Name, e.Bucket, root(e)))
	}
	had, c := s.book.of(e.Name), &copying{Export: e.Name, From: e, Periods: map[calendar.Month]taken{}}
	if had.Periods == nil {
		had.Periods = map[calendar.Month]taken{}
	}
	looked := false
	for _, of := range slices.Sorted(maps.Keys(manifests)) {
		if looked && s.late() {
			if len(c.Periods) == 0 {
				return nil // which is seen, and saved, by who calls; what was looked at is noted
			}
			break
		}
		m := manifests[of]
		if m.stamp() == had.Periods[of].Manifest || slices.Contains(s.book.Plan.Skip, of) {
			continue
		}
		looked = true
		files, err := s.filesOf(ctx, e, m)
		if wait, ok := errors.AsType[*waits](err); ok {
			s.task.Aside(fmt.Sprintf("The export %s waits for the next run with %s: %s", e.Name, of, wait.reason))
			s.book.Plan.Skip = append(s.book.Plan.Skip, of)
			continue
		}
		if err != nil {
			return s.left(ctx, e, err)
		}
		is := taken{m.stamp(), digest(files)}
		if is.Files == had.Periods[of].Files {
			had.Periods[of] = is // delivered anew, and the same
			continue
		}
		if !c.add(of, is, files) {
			break
		}
	}
	if len(c.Periods) == 0 {
		s.book.Plan.next()
		return s.save(ctx)
	}
	if c.Delivery, err = tenant.NewDeliveryID(s.collector.Clock(), s.collector.Random); err != nil {
		return err
	}
	s.book.Plan.Copy = c
	return s.save(ctx)
}

// add has a billing period copied too, unless it is too much with what there is or of another format: then it is for another
// delivery.
func (c *copying) add(of calendar.Month, is taken, files []file) bool {
	format := formatOf(c.From, files)
	if len(c.Files) > 0 && (len(c.Files)+len(files) > maxFiles || format != c.Format) {
		return false
	}
	c.Format, c.Periods[of] = format, is
	c.Files = append(c.Files, files...)
	return true
}

// formatOf is the format of files by their names, unless the export says it.
func formatOf(e connection.Export, files []file) string {
	if e.Format != "" {
		return e.Format
	}
	if len(files) > 0 && strings.HasSuffix(files[0].Key, ".parquet") {
		return "parquet"
	}
	return "csv"
}

// digest is another one whenever the files are others.
func digest(files []file) string {
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintf(sum, "%q %q %d\n", f.Key, f.ETag, f.Size)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// period is the folder of a billing period, in whichever case AWS writes it.
var period = regexp.MustCompile(`^(?i:billing_period)=(\d{4}-\d{2})$`)

// manifests gives the latest manifest of each billing period, as a list says.
func (s *step) manifests(ctx context.Context, e connection.Export) (map[calendar.Month]object, error) {
	metadata := root(e) + "metadata/"
	latest := map[calendar.Month]object{}
	err := s.list(ctx, e, metadata, func(o object) {
		parts := strings.Split(strings.TrimPrefix(o.Key, metadata), "/")
		folder := period.FindStringSubmatch(parts[0])
		if len(parts) > 3 || folder == nil || parts[len(parts)-1] != e.Name+"-Manifest.json" {
			return
		}
		of, err := calendar.ParseMonth(folder[1])
		if err != nil {
			return
		}
		before, there := latest[of]
		if !there || o.Modified > before.Modified || o.Modified == before.Modified && len(o.Key) < len(before.Key) {
			latest[of] = o
		}
	})
	return latest, err
}

// list tells take what lies below a prefix, and holds a page of it at a time.
func (s *step) list(ctx context.Context, e connection.Export, prefix string, take func(object)) error {
	client, err := s.client(ctx, e)
	if err != nil {
		return err
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &e.Bucket, Prefix: &prefix})
	for n := 0; pages.HasMorePages(); n++ {
		if n == maxPages {
			return &failure{fmt.Sprintf("below s3://%s/%s are more than %d objects. Remove those of old deliveries.", e.Bucket, prefix, maxPages*1000)}
		}
		if err := s.task.Spend(ctx, collect.Use{Calls: 1}); err != nil {
			return err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return &asked{"s3:ListBucket", "arn:" + s.task.Connection.Partition + ":s3:::" + e.Bucket, err}
		}
		for _, o := range page.Contents {
			take(listed(o))
		}
	}
	return nil
}

func listed(o types.Object) object {
	return object{file{aws.ToString(o.Key), aws.ToString(o.ETag), aws.ToInt64(o.Size)}, aws.ToTime(o.LastModified).UnixMilli()}
}

// waits is why a billing period cannot be taken now.
type waits struct{ reason string }

// Error gives the reason.
func (w *waits) Error() string { return w.reason }

// filesOf gives the files that a manifest names, as they are listed; *waits where they are not what it says.
func (s *step) filesOf(ctx context.Context, e connection.Export, m object) (all []file, err error) {
	keys, err := s.named(ctx, e, m)
	if err != nil {
		return nil, err
	}
	wanted, there, read := map[string]bool{}, map[string]object{}, map[string]bool{}
	for _, key := range keys {
		wanted[key] = true
	}
	for _, key := range keys {
		if dir := path.Dir(key) + "/"; !read[dir] {
			read[dir] = true
			if err := s.list(ctx, e, dir, func(o object) {
				if wanted[o.Key] {
					there[o.Key] = o
				}
			}); err != nil {
				return nil, err
			}
		}
		o, ok := there[key]
		switch {
		case !ok:
			return nil, &waits{"its manifest names " + key + ", which is not there."}
		case o.Modified > m.Modified:
			return nil, &waits{"it is being delivered, since " + key + " is newer than its manifest."}
		case o.Size > delivery.MaxFile:
			return nil, &waits{fmt.Sprintf("%s has more than %d bytes. Have the export made in more files, or by day.", key, int64(delivery.MaxFile))}
		case o.Size > 0:
			all = append(all, o.file)
		}
	}
	if len(all) == 0 {
		return nil, &waits{"its manifest names no files."}
	}
	return all, nil
}

// named reads the keys that a manifest names. All must lie in the export's own data of the bucket.
func (s *step) named(ctx context.Context, e connection.Export, m object) (keys []string, err error) {
	client, err := s.client(ctx, e)
	if err != nil {
		return nil, err
	}
	if err := s.task.Spend(ctx, collect.Use{Calls: 1}); err != nil {
		return nil, err
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &e.Bucket, Key: &m.Key, IfMatch: &m.ETag})
	if status := call.Status(err); status == http.StatusPreconditionFailed || status == http.StatusNotFound {
		return nil, &changedError{m.Key}
	}
	if err != nil {
		return nil, &asked{"s3:GetObject", "arn:" + s.task.Connection.Partition + ":s3:::" + e.Bucket + "/*", err}
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, maxManifest+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The manifest of an export broke off.")
	}
	return parse(body, e)
}

// parse reads a manifest.
func parse(body []byte, e connection.Export) (keys []string, err error) {
	var m struct {
		DataFiles []string `json:"dataFiles"`
	}
	if len(body) > maxManifest || json.Unmarshal(body, &m) != nil {
		return nil, &waits{"its manifest is not what AWS writes: no JSON with a list dataFiles."}
	}
	data, seen, folders := root(e)+"data/", map[string]bool{}, map[string]bool{}
	for _, f := range m.DataFiles {
		key := f
		if strings.HasPrefix(f, "s3://") {
			var ours bool
			if key, ours = strings.CutPrefix(f, "s3://"+e.Bucket+"/"); !ours {
				key = ""
			}
		}
		if !strings.HasPrefix(key, data) || path.Clean(key) != key || len(key) > 1024 {
			return nil, &waits{fmt.Sprintf("its manifest names %.200q, which is not below s3://%s/%s.", f, e.Bucket, data)}
		}
		if seen[key] {
			continue
		}
		seen[key], folders[path.Dir(key)], keys = true, true, append(keys, key)
		switch {
		case len(keys) > maxPeriod:
			return nil, &waits{fmt.Sprintf("its manifest names more than %d files, which are the most. Have the export made by day instead of by hour.", maxPeriod)}
		case len(folders) > maxFolders:
			return nil, &waits{fmt.Sprintf("its manifest names files in more than %d folders, and AWS writes a delivery into one.", maxFolders)}
		}
	}
	return keys, nil
}
