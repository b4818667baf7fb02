// Package blob says where a tenant's files are; pkg/blob/folder and pkg/blob/s3 keep them.
package blob

import (
	"io/fs"
	"strings"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// root is what all keys begin with.
const root = "tenants/"

// Folder is where all files of the scope's tenant are; fault.Forbidden without a tenant.
func Folder(s *tenant.Scope) (string, error) {
	if s.Tenant() == "" {
		return "", fault.New(fault.Forbidden, "files belong to a tenant, and none was opened")
	}
	return root + string(s.Tenant()), nil
}

// Key gives a file's whole key in the bucket, below the folder of the scope's tenant whatever its name; fault.Forbidden
// without a tenant, fault.NotFound for a name that no file can have.
func Key(s *tenant.Scope, name string) (string, error) {
	dir, err := Folder(s)
	if err != nil {
		return "", err
	}
	if !fs.ValidPath(name) || name == "." {
		return "", fault.New(fault.NotFound, "There is no such file.")
	}
	return dir + "/" + name, nil
}

// Owner reads a key as Key gives it: whose file it is, and its name. False for what is no such key.
func Owner(key string) (of tenant.ID, name string, ok bool) {
	below, ok := strings.CutPrefix(key, root)
	if !ok {
		return "", "", false
	}
	id, name, _ := strings.Cut(below, "/")
	of, err := tenant.ParseID(id)
	if err != nil || !fs.ValidPath(name) || name == "." {
		return "", "", false
	}
	return of, name, true
}
