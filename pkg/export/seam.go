package export

import (
	"context"
	"strconv"
	"time"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// PartBytes is how many bytes every part of a file but its last has: S3 takes no fewer than 5 MiB.
const PartBytes = 8 << 20

// maxParts bounds an archive to 40 GB.
const maxParts = 5000

// Files is where archives lie, below tenants/<tenant>/: an S3 bucket (pkg/blob/s3) or a folder (pkg/blob/folder). The tenant
// comes from the scope alone. Errors that pass are fault.Unavailable.
type Files interface {
	// Begin begins to write a file in parts and gives the writing a name; there is no file until Finish.
	Begin(ctx context.Context, s *tenant.Scope, name string) (writing string, err error)
	// Part keeps a part, from 1 on, in the place of what was kept as that part before, and gives a tag of its bytes. It is
	// fault.NotFound where the writing is none, or has been finished or dropped.
	Part(ctx context.Context, s *tenant.Scope, name, writing string, n int, body []byte) (tag string, err error)
	// Finish makes the file of the parts that have these tags, at once and whole. It is fault.NotFound as Part, and where a part
	// is another by now.
	Finish(ctx context.Context, s *tenant.Scope, name, writing string, tags []string) error
	// Drop takes away what a writing has kept; one that is none is no error.
	Drop(ctx context.Context, s *tenant.Scope, name, writing string) error
	// Put keeps a small file, in the place of what was there.
	Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error
	// Get gives a small file; fault.NotFound where there is none.
	Get(ctx context.Context, s *tenant.Scope, name string) ([]byte, error)
	// Remove removes a file; removing none is no error.
	Remove(ctx context.Context, s *tenant.Scope, name string) error
	// DownloadURL gives an address that serves a file, to be saved as the name given, without further credentials until it
	// expires: after that time, or sooner where an address cannot be good for so long.
	DownloadURL(ctx context.Context, s *tenant.Scope, name, as string, expires time.Duration) (string, error)
}

// archiveName is where the archive of an attempt lies, restName where what is written of it and yet in no part.
func archiveName(id tenant.ExportID, attempt int) string {
	return "exports/" + string(id) + "/" + strconv.Itoa(attempt) + ".zip"
}

// restName is one of two places, so that what the notes of a job name is there until the next notes name the other.
func restName(id tenant.ExportID, attempt, place int) string {
	return "exports/" + string(id) + "/" + strconv.Itoa(attempt) + "." + strconv.Itoa(place) + ".rest"
}
